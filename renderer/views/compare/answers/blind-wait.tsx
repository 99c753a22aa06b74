import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ProgressFigure } from '../../../design/progress-line.tsx';
import { Skeleton } from '../../../design/skeleton.tsx';
import type { ColumnModel } from './column-model.ts';

/** While a blind run is answered: how far, and not who. */
export function BlindWait({ columns }: { readonly columns: readonly ColumnModel[] }): ReactNode {
  const { t } = useTranslation('compare');
  const words = columns.reduce((sum, { tokens }) => sum + tokens.length, 0);
  return (
    <div className="card stack" aria-busy="true">
      <ProgressFigure
        label={t('blind.waiting')}
        words={t('tokens', { count: words })}
        fraction={null}
      />
      <div className="compare-columns" data-count={columns.length}>
        {columns.map((_, i) => (
          <Skeleton key={i} height={120} />
        ))}
      </div>
    </div>
  );
}
