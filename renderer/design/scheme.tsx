import type { ReactNode } from 'react';
import { Meter, Tooltip, TooltipTrigger, Focusable } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatPercent } from '../texts/format.ts';
import { divergenceSteps, divergenceWord } from '../../app/contract/quality.ts';
import { bitsClassOf, type BitsClass } from '../../app/contract/scheme.ts';
import { useSchemes } from '../state/queries.ts';
import { schemes as english } from '../texts/en/schemes.ts';
import { textKey } from '../texts/text-key.ts';

const words = english.formats;

/** Whether there are texts for a scheme, in every language. */
function hasTexts(key: string): key is keyof typeof words {
  return Object.hasOwn(words, key);
}

/** The class that gives an element its scheme's identity colour (`--bits`, `--bits-text`, `--bits-soft`); none for a newer scheme. */
export function useBitsClass(): (scheme: string) => `bits-${BitsClass}` | '' {
  const schemes = useSchemes();
  return (scheme) => {
    const known = schemes.get(scheme);
    return known === undefined ? '' : `bits-${bitsClassOf(known)}`;
  };
}

/** Label and explanation of a scheme in the person's language; a newer Nibble's has its own name as label. */
export function useSchemeTexts(): (scheme: string) => {
  readonly label: string;
  readonly explanation: string;
} {
  const { t } = useTranslation('schemes');
  const schemes = useSchemes();
  return (scheme) => {
    const key: string = textKey(scheme);
    return hasTexts(key)
      ? { label: t(`formats.${key}.label`), explanation: t(`formats.${key}.explanation`) }
      : (schemes.get(scheme) ?? { label: scheme, explanation: t('newer') });
  };
}

/** A scheme's name in its colour; its explanation one hover or Tab away. */
export function SchemeBadge({
  scheme,
  blockSize,
}: {
  readonly scheme: string;
  readonly blockSize?: number | null;
}): ReactNode {
  const { label, explanation } = useSchemeTexts()(scheme);
  const bitsClass = useBitsClass();
  return (
    <TooltipTrigger delay={400} closeDelay={0}>
      <Focusable>
        <span role="note" tabIndex={0} className={`badge scheme-badge ${bitsClass(scheme)}`}>
          {label}
          {typeof blockSize === 'number' && blockSize > 0 ? ` · ${blockSize}` : null}
        </span>
      </Focusable>
      <Tooltip className="tooltip" offset={6}>
        {explanation}
      </Tooltip>
    </TooltipTrigger>
  );
}

/** A size as a bar against the 16-bit size. Bytes. */
export function SizeBar({
  scheme,
  bytes,
  ofBytes,
}: {
  readonly scheme: string;
  readonly bytes: number;
  readonly ofBytes: number;
}): ReactNode {
  const bitsClass = useBitsClass();
  const share = ofBytes > 0 ? bytes / ofBytes : 0;
  return (
    <Meter
      aria-label={formatBytes(bytes)}
      value={Math.min(1, share)}
      minValue={0}
      maxValue={1}
      valueLabel={formatPercent(share, 0)}
      className={bitsClass(scheme)}
    >
      <span className="size-bar">
        <span style={{ width: `${Math.min(1, share) * 100}%` }} />
      </span>
    </Meter>
  );
}

/** A mean KL divergence (nats per token) as a position on the scale of words. */
export function QualityScale({
  meanKl,
  scheme,
}: {
  readonly meanKl: number;
  readonly scheme: string;
}): ReactNode {
  const { t } = useTranslation('schemes');
  const bitsClass = useBitsClass();
  const word = divergenceWord(meanKl);
  return (
    <span className={bitsClass(scheme)}>
      <span className="quality-scale" aria-hidden>
        {divergenceSteps.map((step) => (
          <i key={step.word} className={step.word === word ? 'here' : ''} />
        ))}
      </span>
      {t(`quality.${word}`)}
    </span>
  );
}
