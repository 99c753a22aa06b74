import { Plus, X } from 'lucide-react';
import { useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { storedWeightsBytes } from '../../../app/contract/checkpoint.ts';
import { formatBytes } from '../../texts/format.ts';
import type { LibraryArtifact } from '../../../app/contract/library.ts';
import { Button, IconButton } from '../../design/button.tsx';
import { Select, type Choice } from '../../design/choices.tsx';
import { DamageMark } from '../../design/damage-mark.tsx';
import { useBitsClass, useSchemeTexts } from '../../design/scheme.tsx';
import { MOST_COLUMNS, suggestNext } from './logic/suggestion.ts';

/** Two to four artifacts; the first is what the others are measured against. */
export function ArtifactPicker({
  artifacts,
  ids,
  onChange,
}: {
  readonly artifacts: readonly LibraryArtifact[];
  readonly ids: readonly string[];
  readonly onChange: (ids: string[]) => void;
}): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('compare');
  const schemeTexts = useSchemeTexts();
  const group = useRef<HTMLDivElement>(null);
  const focusLast = useRef(false);
  const next = ids.length < MOST_COLUMNS ? suggestNext(artifacts, ids) : null;
  // The row that had the focus is gone: its neighbour takes it.
  useEffect(() => {
    if (!focusLast.current) return;
    focusLast.current = false;
    const selects = group.current?.querySelectorAll<HTMLElement>('.select-button');
    selects?.[selects.length - 1]?.focus();
  }, [ids]);
  const choicesFor = (own: string): Choice<string>[] =>
    artifacts.map(({ artifact, available, damagedFiles }) => ({
      id: artifact.id,
      label: artifact.name,
      description: [
        schemeTexts(artifact.scheme).label,
        formatBytes(storedWeightsBytes(artifact)),
        ...(available ? [] : [t('picker.offline')]),
        ...(damagedFiles.length > 0 ? [t('picker.damaged')] : []),
      ].join(' · '),
      icon:
        damagedFiles.length > 0 ? (
          <DamageMark />
        ) : (
          <span aria-hidden className={`compare-dot ${bitsClass(artifact.scheme)}`} />
        ),
      isDisabled: !available || (artifact.id !== own && ids.includes(artifact.id)),
    }));
  return (
    <div className="compare-picker" ref={group}>
      {ids.map((id, i) => (
        <div className="compare-pick" key={i}>
          <Select
            className="grow"
            label={
              i === 0
                ? t('picker.reference')
                : ids.length === 2
                  ? t('picker.other')
                  : t('picker.otherOf', { n: i })
            }
            value={id}
            choices={choicesFor(id)}
            onChange={(chosen) => {
              onChange(ids.map((other, at) => (at === i ? chosen : other)));
            }}
          />
          {ids.length <= 2 ? null : (
            <IconButton
              label={t('picker.remove', {
                name: artifacts.find(({ artifact }) => artifact.id === id)?.artifact.name ?? id,
              })}
              onPress={() => {
                focusLast.current = true;
                onChange(ids.filter((_, at) => at !== i));
              }}
            >
              <X aria-hidden />
            </IconButton>
          )}
        </div>
      ))}
      {next === null ? null : (
        <Button
          look="plain"
          className="compare-add"
          onPress={() => {
            onChange([...ids, next]);
          }}
        >
          <Plus aria-hidden />
          {t('picker.add')}
        </Button>
      )}
    </div>
  );
}
