import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatPercent } from '../../texts/format.ts';
import type { GeneratedToken } from '../../../app/contract/sampling.ts';
import { agreementShare, agreementStrip } from './logic/alignment.ts';

/** Of the drawing, in its own units: it is stretched to the width of the column. */
const HEIGHT = 10;

/** From the first token to the last, where an answer has the reference's token: full height; elsewhere a low line. */
export function AgreementStripPicture({
  reference,
  other,
  referenceName,
  isComplete,
}: {
  readonly reference: readonly GeneratedToken[];
  readonly other: readonly GeneratedToken[];
  readonly referenceName: string;
  readonly isComplete: boolean;
}): ReactNode {
  const { t } = useTranslation('compare');
  const strip = useMemo(() => {
    if (isComplete) return agreementStrip(reference, other);
    // While they grow only what both have said can be judged.
    const both = Math.min(reference.length, other.length);
    return agreementStrip(reference.slice(0, both), other.slice(0, both));
  }, [reference, other, isComplete]);
  const share = agreementShare(strip);
  const words =
    share === null
      ? t('strip.nothing')
      : t('strip.words', {
          equal: strip.equal,
          places: strip.places,
          share: formatPercent(share, 0),
          name: referenceName,
        });
  return (
    <div className="compare-strip">
      <svg
        role="img"
        aria-label={words}
        viewBox={`0 0 ${Math.max(1, strip.places)} ${HEIGHT}`}
        preserveAspectRatio="none"
      >
        {strip.runs.map(({ start, length, isEqual }) => (
          <rect
            key={start}
            className={isEqual ? 'equal' : 'different'}
            x={start}
            width={length}
            y={isEqual ? 0 : HEIGHT - 4}
            height={isEqual ? HEIGHT : 4}
          />
        ))}
      </svg>
      <p className="compare-strip-words quiet">{words}</p>
    </div>
  );
}
