import { Columns2, Trash2, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../../texts/format.ts';
import type { LibraryArtifact } from '../../../app/contract/library.ts';
import { Button } from '../../design/button.tsx';
import { MOST_COMPARED } from './compare-dialog.tsx';

/** At the foot, always as high: what is shown, or what can be done with the selected. */
export function LibraryFooter({
  selected,
  shown,
  onCompare,
  onDelete,
  onClear,
}: {
  readonly selected: readonly LibraryArtifact[];
  readonly shown: { readonly models: number; readonly checkpoints: number; readonly bytes: number };
  readonly onCompare: () => void;
  readonly onDelete: () => void;
  readonly onClear: () => void;
}): ReactNode {
  const { t } = useTranslation('library');
  const isOffline = selected.some(({ available }) => !available);
  const canCompare = selected.length >= 2 && selected.length <= MOST_COMPARED && !isOffline;
  const bytes = selected.reduce((sum, { artifact }) => sum + artifact.sizeBytes, 0);
  return (
    <footer className="library-footer">
      <span role="status" className={selected.length === 0 ? 'quiet' : ''}>
        {selected.length === 0
          ? t('shown', {
              models: t('countModels', { count: shown.models }),
              checkpoints: t('countCheckpoints', { count: shown.checkpoints }),
              size: formatBytes(shown.bytes),
            })
          : t('selected', { count: selected.length, size: formatBytes(bytes) })}
      </span>
      <span className="grow quiet ellipsis">
        {selected.length === 0
          ? t('selectHint')
          : canCompare
            ? null
            : isOffline
              ? t('compareOffline')
              : t('compareHint')}
      </span>
      {selected.length === 0 ? null : (
        <>
          <Button size="small" isDisabled={!canCompare} onPress={onCompare}>
            <Columns2 aria-hidden />
            {t('compareSelected')}
          </Button>
          <Button size="small" onPress={onDelete}>
            <Trash2 aria-hidden />
            {t('deleteSelected')}
          </Button>
          <Button size="small" look="plain" onPress={onClear}>
            <X aria-hidden />
            {t('clearSelection')}
          </Button>
        </>
      )}
    </footer>
  );
}
