import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../../design/button.tsx';
import { NumberField, TextArea } from '../../../design/fields.tsx';
import { Term } from '../../../design/tips.tsx';
import { greedySampling, type Sampling } from '../../../../app/contract/sampling.ts';
import type { Draft } from '../logic/draft.ts';

/** System prompt and sampling: the same for every column. */
export function SamplingPanel({
  draft,
  onChange,
}: {
  readonly draft: Draft;
  readonly onChange: (change: Partial<Draft>) => void;
}): ReactNode {
  const { t } = useTranslation('compare');
  const { sampling } = draft;
  const set = (change: Partial<Sampling>): void => {
    // A field that was emptied: the number before stays.
    if (Object.values(change).some(Number.isNaN)) return;
    onChange({ sampling: { ...sampling, ...change } });
  };
  const isGreedy = sampling.temperature === 0;
  return (
    <div className="stack">
      <TextArea
        label={t('settings.system')}
        placeholder={t('settings.systemPlaceholder')}
        rows={2}
        value={draft.system}
        onChange={(system) => {
          onChange({ system });
        }}
      />
      <div className="compare-numbers">
        <NumberField
          label={<Term name="temperature" />}
          value={sampling.temperature}
          minValue={0}
          maxValue={2}
          step={0.1}
          onChange={(temperature) => {
            set({ temperature });
          }}
        />
        <NumberField
          label={<Term name="topP" />}
          value={sampling.topP}
          minValue={0.01}
          maxValue={1}
          step={0.01}
          isDisabled={isGreedy}
          onChange={(topP) => {
            set({ topP });
          }}
        />
        <NumberField
          label={<Term name="topK" />}
          value={sampling.topK}
          minValue={0}
          maxValue={1000}
          step={1}
          isDisabled={isGreedy}
          onChange={(topK) => {
            set({ topK });
          }}
        />
        <NumberField
          label={<Term name="seed" />}
          value={sampling.seed}
          minValue={0}
          maxValue={Number.MAX_SAFE_INTEGER}
          step={1}
          isDisabled={isGreedy}
          formatOptions={{ useGrouping: false }}
          onChange={(seed) => {
            set({ seed });
          }}
        />
        <NumberField
          label={t('settings.maxTokens')}
          value={draft.maxTokens}
          minValue={1}
          maxValue={4096}
          step={1}
          onChange={(maxTokens) => {
            if (!Number.isNaN(maxTokens)) onChange({ maxTokens });
          }}
        />
      </div>
      <div className="row wrap">
        <p className="quiet grow">{isGreedy ? t('settings.greedy') : t('settings.sampled')}</p>
        {isGreedy ? null : (
          <Button
            size="small"
            onPress={() => {
              set({ ...greedySampling, seed: sampling.seed });
            }}
          >
            {t('settings.makeGreedy')}
          </Button>
        )}
      </div>
    </div>
  );
}
