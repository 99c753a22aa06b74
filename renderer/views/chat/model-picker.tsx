import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../../texts/format.ts';
import type { LibraryArtifact } from '../../../app/contract/library.ts';
import { Select } from '../../design/choices.tsx';
import { DamageMark } from '../../design/damage-mark.tsx';
import { useBitsClass, useSchemeTexts } from '../../design/scheme.tsx';

/** Which artifact answers next. */
export function ModelPicker({
  artifacts,
  value,
  onChange,
}: {
  readonly artifacts: readonly LibraryArtifact[];
  readonly value: string | null;
  readonly onChange: (artifactId: string) => void;
}): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('chat');
  const schemeTexts = useSchemeTexts();
  return (
    <Select
      label={t('model.label')}
      hideLabel
      className="chat-model"
      placeholder={t('model.choose')}
      value={artifacts.some(({ artifact }) => artifact.id === value) ? value : null}
      onChange={onChange}
      choices={artifacts.map(({ artifact, available, damagedFiles }) => ({
        id: artifact.id,
        label: artifact.name,
        description: !available
          ? t('model.offline')
          : damagedFiles.length > 0
            ? t('model.damaged', { size: formatBytes(artifact.sizeBytes) })
            : formatBytes(artifact.sizeBytes),
        isDisabled: !available,
        icon: (
          <>
            <span aria-hidden className={`badge scheme-badge ${bitsClass(artifact.scheme)}`}>
              {schemeTexts(artifact.scheme).label}
            </span>
            {damagedFiles.length > 0 ? <DamageMark /> : null}
          </>
        ),
      }))}
    />
  );
}
