import { Dices } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Sampling } from '../../../../app/contract/sampling.ts';
import { IconButton } from '../../../design/button.tsx';
import { Slider } from '../../../design/choices.tsx';
import { NumberField } from '../../../design/fields.tsx';
import { Term } from '../../../design/tips.tsx';

/** What people set in practice; a value beyond it (a preset, an import) widens the slider. */
const sliders = [
  { name: 'temperature', from: 0, to: 2, step: 0.05 },
  { name: 'topK', from: 0, to: 200, step: 1 },
  { name: 'topP', from: 0.01, to: 1, step: 0.01 },
  { name: 'minP', from: 0, to: 1, step: 0.01 },
  { name: 'repetitionPenalty', from: 1, to: 2, step: 0.01 },
] as const satisfies readonly {
  name: keyof Sampling;
  from: number;
  to: number;
  step: number;
}[];

/** Seeds are shown so that they can be typed again: six digits are enough to be different. */
const SEED_LIMIT = 1_000_000;

export function SamplingFields({
  sampling,
  onChange,
}: {
  readonly sampling: Sampling;
  readonly onChange: (sampling: Sampling) => void;
}): ReactNode {
  const { t } = useTranslation('chat');
  return (
    <div className="stack">
      {sliders.map(({ name, from, to, step }) => (
        <Slider
          key={name}
          label={<Term name={name} />}
          value={sampling[name]}
          minValue={Math.min(from, sampling[name])}
          maxValue={Math.max(to, sampling[name])}
          step={step}
          formatOptions={{ maximumFractionDigits: 2 }}
          onChange={(value) => {
            onChange({ ...sampling, [name]: value });
          }}
        />
      ))}
      <div className="chat-seed">
        <NumberField
          label={<Term name="seed" />}
          value={sampling.seed}
          minValue={0}
          maxValue={Number.MAX_SAFE_INTEGER}
          step={1}
          formatOptions={{ useGrouping: false }}
          onChange={(seed) => {
            if (Number.isFinite(seed)) onChange({ ...sampling, seed });
          }}
        />
        <IconButton
          look="normal"
          label={t('settings.newSeed')}
          onPress={() => {
            onChange({ ...sampling, seed: Math.floor(Math.random() * SEED_LIMIT) });
          }}
        >
          <Dices aria-hidden />
        </IconButton>
      </div>
    </div>
  );
}
