import { Vote } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { WinRate } from '../../../../app/contract/comparison.ts';
import { formatPercent } from '../../../texts/format.ts';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { Button } from '../../../design/button.tsx';
import { EmptyState } from '../../../design/notes.tsx';
import { FailureNote } from '../../../errors/error-note.tsx';
import { Skeleton, Waiting } from '../../../design/skeleton.tsx';
import { Explained } from '../../../design/tips.tsx';
import { readWinRate } from '../logic/win-rate-texts.ts';
import { useWinRates } from '../saved/use-comparisons.ts';

/** The share of one as a bar, its 95 % interval as a whisker, one half as a line. */
function ShareBar({
  share,
  label,
}: {
  readonly share: { readonly value: number; readonly low: number; readonly high: number };
  readonly label: string;
}): ReactNode {
  return (
    <div className="compare-share" role="img" aria-label={label}>
      <span className="compare-share-bar" style={{ width: `${share.value * 100}%` }} />
      <span className="compare-share-half" />
      <span
        className="compare-share-whisker"
        style={{ left: `${share.low * 100}%`, width: `${(share.high - share.low) * 100}%` }}
      />
    </div>
  );
}

function WinRateCard({
  winRate,
  nameOf,
}: {
  readonly winRate: WinRate;
  readonly nameOf: (id: string) => string;
}): ReactNode {
  const { t } = useTranslation('compare');
  const { preferredId, otherId, wins, chosen, ties, share, verdict } = readWinRate(winRate);
  const preferred = nameOf(preferredId);
  const other = nameOf(otherId);
  const sentence =
    share === null
      ? t('winRate.onlyTies', { first: preferred, second: other, count: ties })
      : t(`winRate.${verdict === 'clear' ? 'clear' : 'open'}`, {
          name: preferred,
          other,
          wins,
          count: chosen,
          low: formatPercent(share.low, 0),
          high: formatPercent(share.high, 0),
        });
  return (
    <li className="card stack tight">
      <h2>{t('winRate.pair', { first: preferred, second: other })}</h2>
      {share === null ? null : <ShareBar share={share} label={sentence} />}
      <dl className="compare-win-rate-facts">
        <div>
          <dt className="quiet">{preferred}</dt>
          <dd>{t('winRate.wins', { count: wins })}</dd>
        </div>
        <div>
          <dt className="quiet">{other}</dt>
          <dd>{t('winRate.wins', { count: chosen - wins })}</dd>
        </div>
        <div>
          <dt className="quiet">{t('vote.tie')}</dt>
          <dd>{t('winRate.ties', { count: ties })}</dd>
        </div>
      </dl>
      <p>{sentence}</p>
    </li>
  );
}

/** Which version was preferred how often, and whether that says anything. */
export function WinRates({
  artifacts,
}: {
  readonly artifacts: readonly LibraryArtifact[];
}): ReactNode {
  const { t } = useTranslation('compare');
  const { t: common } = useTranslation();
  const winRates = useWinRates();
  const nameOf = (id: string): string =>
    artifacts.find(({ artifact }) => artifact.id === id)?.artifact.name ?? id;
  if (winRates.isError)
    return (
      <FailureNote
        failure={winRates.error}
        actions={<Button onPress={() => void winRates.refetch()}>{common('retry')}</Button>}
      />
    );
  if (winRates.data === undefined)
    return (
      <Waiting className="stack">
        <Skeleton height={120} />
      </Waiting>
    );
  if (winRates.data.length === 0)
    return (
      <EmptyState icon={<Vote aria-hidden />} title={t('winRate.none')}>
        {t('winRate.noneHint')}
      </EmptyState>
    );
  return (
    <div className="stack">
      <p className="quiet">
        <Explained text={t('winRate.intervalHint')}>{t('winRate.interval')}</Explained>{' '}
        {t('winRate.intervalRest')}
      </p>
      <ul className="compare-win-rates">
        {winRates.data.map((winRate) => (
          <WinRateCard
            key={`${winRate.firstId} ${winRate.secondId}`}
            winRate={winRate}
            nameOf={nameOf}
          />
        ))}
      </ul>
    </div>
  );
}
