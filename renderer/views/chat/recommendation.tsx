import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Sampling } from '../../../app/contract/sampling.ts';
import { Button } from '../../design/button.tsx';
import { formatFigure } from '../../texts/format.ts';

/** The model's own recommendation, with a button that takes it over. */
export function Recommendation({
  sampling,
  recommended,
  onChange,
}: {
  readonly sampling: Sampling;
  readonly recommended: Partial<Sampling>;
  readonly onChange: (sampling: Sampling) => void;
}): ReactNode {
  const { t } = useTranslation(['chat', 'schemes']);
  const names = (['temperature', 'topK', 'topP', 'minP', 'repetitionPenalty'] as const).filter(
    (name) => recommended[name] !== undefined,
  );
  if (names.length === 0) return null;
  const isUsed = names.every((name) => sampling[name] === recommended[name]);
  return (
    <div className="stack tight">
      <p className="quiet" role="status">
        {isUsed
          ? t('chat:settings.usesRecommended')
          : t('chat:settings.recommended', {
              values: names
                .map(
                  (name) =>
                    `${t(`schemes:terms.${name}.term`)} ${formatFigure(recommended[name] ?? 0)}`,
                )
                .join(', '),
            })}
      </p>
      {isUsed ? null : (
        <Button
          size="small"
          onPress={() => {
            onChange({ ...sampling, ...recommended, seed: sampling.seed });
          }}
        >
          {t('chat:settings.useRecommended')}
        </Button>
      )}
    </div>
  );
}
