import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../design/button.tsx';
import { Segmented, Select } from '../../design/choices.tsx';
import { Note } from '../../design/notes.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { Skeleton, Waiting } from '../../design/skeleton.tsx';
import { useBitsClass } from '../../design/scheme.tsx';
import { errorMap } from './error-map.ts';
import { useTensorView, type ShownArtifact } from './use-details.ts';
import { WeightCharts } from './weight-charts.tsx';

/** More tensors than this are not listed to choose from; the table finds them. */
const MOST_LISTED = 600;

/** The weights of one tensor and the levels they were rounded to. */
export function WeightsTab({
  shown,
  tensor,
  onChoose,
}: {
  readonly shown: ShownArtifact;
  readonly tensor: string | null;
  readonly onChoose: (tensor: string) => void;
}): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('details');
  const { t: words } = useTranslation();
  const [look, setLook] = useState<'shares' | 'raw'>('shares');
  const { artifact, tensors } = shown;
  // Without a choice the tensor that lost most: it has the most to show.
  const name = tensor ?? errorMap(tensors)?.worst.worst ?? tensors[0]?.name ?? null;
  const statistics = tensors.find((one) => one.name === name) ?? null;
  const {
    data: view,
    error,
    refetch,
  } = useTensorView(artifact.id, statistics === null ? null : name);
  const quantized = tensors.filter(({ treatment }) => treatment === 'quantized');
  const listed = (quantized.length === 0 ? tensors : quantized).slice(0, MOST_LISTED);
  const choices =
    statistics === null || listed.includes(statistics) ? listed : [statistics, ...listed];
  return (
    <div className={`stack ${bitsClass(artifact.scheme)}`}>
      <div className="details-choice">
        <Select
          label={t('weights.tensor')}
          className="details-tensor"
          value={name}
          choices={choices.map((one) => ({ id: one.name, label: one.name }))}
          onChange={onChoose}
        />
        {statistics?.treatment === 'quantized' ? (
          <Segmented<'shares' | 'raw'>
            label={t('weights.shown')}
            value={look}
            choices={[
              { id: 'shares', label: t('weights.shares') },
              { id: 'raw', label: t('weights.raw') },
            ]}
            onChange={setLook}
          />
        ) : null}
      </div>
      {statistics === null ? (
        <Note kind="warn">{t('weights.gone', { tensor: name ?? '' })}</Note>
      ) : view !== undefined ? (
        <WeightCharts artifact={artifact} view={view} statistics={statistics} look={look} />
      ) : error !== null ? (
        <FailureNote
          failure={error}
          actions={<Button onPress={() => void refetch()}>{words('retry')}</Button>}
        />
      ) : (
        <Waiting label={t('weights.loading', { tensor: name ?? '' })}>
          <Skeleton height={360} />
        </Waiting>
      )}
    </div>
  );
}
