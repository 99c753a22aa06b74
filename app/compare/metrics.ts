import { AppError, because } from '../contract/error.ts';

/**
 * What logits say of each other and of the text. Everything is summed in float64: at a vocabulary of 150,000 a float32
 * sum of probabilities is wrong in the fourth digit.
 */

/** A row of logits within a larger array. */
export interface LogitRow {
  /** Row-major [rows, vocabularySize] */
  readonly logits: Float32Array;
  readonly row: number;
  readonly vocabularySize: number;
}

/** Two models' opinions about the same next token. */
export interface RowDivergence {
  /** KL(reference ‖ candidate), nats. */
  readonly kl: number;
  /** Whether both think the same token most likely; of equals the lowest id counts. */
  readonly sameTop: boolean;
  /** ln Σ e^logit of the candidate, for `tokenLoss`: the exponentials are most of the work. */
  readonly candidateLogSum: number;
}

function valuesOf({ logits, row, vocabularySize }: LogitRow): Float32Array {
  return logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
}

function indexOfPeak(values: Float32Array): number {
  let peak = Number.NEGATIVE_INFINITY;
  let index = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (value > peak) {
      peak = value;
      index = i;
    }
  }
  return index;
}

/** NaN and infinities anywhere in a row end up in its sum. */
function requireFinite(sum: number): number {
  if (Number.isFinite(sum)) return sum;
  throw new AppError(
    'invalid-weights',
    'The model answers with numbers that are none (NaN or infinite).',
    because(
      'logits-not-finite',
      {},
      {
        remedy:
          'Its weights are damaged or were never finite: run `nibble verify` on it, or quantize it again.',
      },
    ),
  );
}

/** ln Σ e^logit of a row. */
function logSumOf(row: LogitRow): number {
  const values = valuesOf(row);
  const peak = values[indexOfPeak(values)] ?? 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp((values[i] ?? 0) - peak);
  return requireFinite(peak + Math.log(sum));
}

/** −ln p(token), nats. @param logSum `candidateLogSum`, where it is known already */
export function tokenLoss(row: LogitRow, token: number, logSum: number = logSumOf(row)): number {
  return logSum - (valuesOf(row)[token] ?? Number.NaN);
}

/** How far a candidate's distribution is from the reference's. Both rows have the same vocabulary. */
export function rowDivergence(reference: LogitRow, candidate: LogitRow): RowDivergence {
  const p = valuesOf(reference);
  const q = valuesOf(candidate);
  const topP = indexOfPeak(p);
  const topQ = indexOfPeak(q);
  const peakP = p[topP] ?? 0;
  const peakQ = q[topQ] ?? 0;
  let sumP = 0;
  let sumQ = 0;
  let weighted = 0;
  for (let i = 0; i < p.length; i++) {
    // Shifted by their peaks, which cancels in the logarithms below.
    const x = (p[i] ?? 0) - peakP;
    const y = (q[i] ?? 0) - peakQ;
    const weight = Math.exp(x);
    sumP += weight;
    sumQ += Math.exp(y);
    weighted += weight * (x - y);
  }
  const kl = requireFinite(weighted / sumP - Math.log(sumP) + Math.log(sumQ));
  return {
    // Rounding leaves equal rows some 1e-17 below zero, where a divergence cannot be.
    kl: Math.max(0, kl),
    sameTop: topP === topQ,
    candidateLogSum: requireFinite(peakQ + Math.log(sumQ)),
  };
}

/** Collects token losses; variance by Welford's method, which does not cancel. */
export class LossMeter {
  #count = 0;
  #mean = 0;
  #squares = 0;

  add(loss: number): void {
    this.#count++;
    const delta = loss - this.#mean;
    this.#mean += delta / this.#count;
    this.#squares += delta * (loss - this.#mean);
  }

  get count(): number {
    return this.#count;
  }

  /** e to the mean loss. */
  get perplexity(): number {
    return Math.exp(this.#mean);
  }

  /**
   * Standard error of the perplexity: the losses' own, carried through the exponential (delta method). It takes losses
   * for independent, which makes it a little too small.
   */
  get perplexityError(): number {
    if (this.#count < 2) return 0;
    const variance = this.#squares / (this.#count - 1);
    return this.perplexity * Math.sqrt(variance / this.#count);
  }
}

/** Collects divergences between two models. */
export class DivergenceMeter {
  readonly #kls: number[] = [];
  #agreements = 0;

  add({ kl, sameTop }: Pick<RowDivergence, 'kl' | 'sameTop'>): void {
    this.#kls.push(kl);
    if (sameTop) this.#agreements++;
  }

  get meanKl(): number {
    return this.#kls.reduce((sum, kl) => sum + kl, 0) / this.#kls.length;
  }

  /** The smallest value that at least 99 % of the positions do not exceed. */
  get p99Kl(): number {
    const sorted = Float64Array.from(this.#kls).sort();
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
  }

  /** Share of positions with the same most likely token, 0..1. */
  get topAgreement(): number {
    return this.#agreements / this.#kls.length;
  }
}
