import { median, type ContenderResult, type ShapeResult, type Trial } from './results.ts';
import { totalBytes } from './token-bytes.ts';

/** Figures that are made from measured ones: for the table and the page alike. */

type Quantity = 'prefillRate' | 'decodeRate' | 'loadToFirstTokenMs' | 'startToFirstTokenMs';

export function medianOf({ trials }: ContenderResult, quantity: keyof Trial): number {
  return median(trials.map((trial) => trial[quantity] ?? Number.NaN));
}

/** Bytes that decoding one token reads, keys and values included. */
export function decodeBytes({ tokenBytes, cacheBytes }: ContenderResult): number {
  return totalBytes(tokenBytes) + cacheBytes;
}

/** What decoding reads per second over what the memory gives, 0..1 (more where caches hold a part of the model). */
export function bandwidthShare(shape: ShapeResult, contender: ContenderResult): number {
  return (medianOf(contender, 'decodeRate') * decodeBytes(contender)) / median(shape.bandwidth);
}

/** Ours over theirs, for rates; theirs over ours, for times: always how many times better. */
export interface Ratio {
  readonly median: number;
  /** Of the rounds: both sides of a ratio were measured within a minute. */
  readonly least: number;
  readonly most: number;
}

export function ratioOf(ours: ContenderResult, theirs: ContenderResult, quantity: Quantity): Ratio {
  const isTime = quantity.endsWith('Ms');
  const better = (a: number, b: number): number => (isTime ? b / a : a / b);
  const rounds = ours.trials.flatMap((trial, round) => {
    const other = theirs.trials[round];
    return other === undefined ? [] : [better(trial[quantity], other[quantity])];
  });
  return {
    median: better(medianOf(ours, quantity), medianOf(theirs, quantity)),
    least: Math.min(...rounds),
    most: Math.max(...rounds),
  };
}

/** Each of Nibble's contenders with each rival whose codes have as many bits. */
export function pairsOf({ contenders }: ShapeResult): [ContenderResult, ContenderResult][] {
  return contenders
    .filter(({ program }) => program === 'nibble')
    .flatMap((ours) =>
      contenders
        .filter((other) => other.program !== 'nibble' && other.bits === ours.bits)
        .map((theirs): [ContenderResult, ContenderResult] => [ours, theirs]),
    );
}
