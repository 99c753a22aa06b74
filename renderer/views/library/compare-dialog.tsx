import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import { formatBytes } from '../../texts/format.ts';
import type { Library } from '../../../app/contract/library.ts';
import { Button } from '../../design/button.tsx';
import { Checkbox } from '../../design/choices.tsx';
import { Dialog } from '../../design/dialog.tsx';
import { useBitsClass, useSchemeTexts } from '../../design/scheme.tsx';

/** A comparison has two to four columns. */
export const MOST_COMPARED = 4;

/** Chooses what one artifact is compared with; those of the same checkpoint come first. */
export function CompareDialog({
  artifact,
  library,
  onClose,
  onCompare,
}: {
  readonly artifact: Artifact;
  readonly library: Library;
  readonly onClose: () => void;
  readonly onCompare: (ids: readonly string[]) => void;
}): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('library');
  const { t: words } = useTranslation();
  const schemeTexts = useSchemeTexts();
  const others = library.artifacts
    .filter(({ artifact: other, available }) => available && other.id !== artifact.id)
    .map(({ artifact: other }) => other)
    .sort(
      (a, b) =>
        Number(b.checkpointId === artifact.checkpointId) -
        Number(a.checkpointId === artifact.checkpointId),
    );
  const first = others[0];
  const [chosen, setChosen] = useState<readonly string[]>(() =>
    first?.checkpointId === artifact.checkpointId ? [first.id] : [],
  );
  const isFull = chosen.length >= MOST_COMPARED - 1;
  return (
    <Dialog isOpen title={t('compareTitle', { name: artifact.name })} onClose={onClose}>
      <p className="quiet">{others.length === 0 ? t('compareNone') : t('compareText')}</p>
      <ul className="library-choices">
        {others.map((other) => {
          const isChosen = chosen.includes(other.id);
          return (
            <li key={other.id}>
              <Checkbox
                isSelected={isChosen}
                isDisabled={isFull && !isChosen}
                onChange={(on) => {
                  setChosen(on ? [...chosen, other.id] : chosen.filter((id) => id !== other.id));
                }}
              >
                <span className="grow ellipsis">{other.name}</span>
                <span className={`badge scheme-badge ${bitsClass(other.scheme)}`}>
                  {schemeTexts(other.scheme).label}
                </span>
                <span className="quiet number">{formatBytes(other.sizeBytes)}</span>
              </Checkbox>
            </li>
          );
        })}
      </ul>
      <div className="dialog-actions">
        <Button onPress={onClose}>{words('cancel')}</Button>
        <Button
          look="primary"
          isDisabled={chosen.length === 0}
          onPress={() => {
            onCompare([artifact.id, ...chosen]);
          }}
        >
          {t('compareGo')}
        </Button>
      </div>
    </Dialog>
  );
}
