import { AppError } from '../contract/error.ts';

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
}

interface Peak {
  readonly value: number;
  readonly index: number;
}

function peak({ logits, row, vocabularySize }: LogitRow): Peak {
  const start = row * vocabularySize;
  let value = Number.NEGATIVE_INFINITY;
  let index = 0;
  for (let i = 0; i < vocabularySize; i++) {
    const logit = logits[start + i] ?? Number.NaN;
    if (logit > value) {
      value = logit;
      index = i;
    } else if (Number.isNaN(logit)) value = Number.NaN;
  }
  if (!Number.isFinite(value))
    throw new AppError(
      'invalid-weights',
      'The model answers with numbers that are none (NaN or infinite).',
      {
        remedy:
          'Its weights are damaged or were never finite: run `nibble verify` on it, or quantize it again.',
      },
    );
  return { value, index };
}

/** −ln p(token), nats. */
export function tokenLoss(row: LogitRow, token: number): number {
  const { logits, vocabularySize } = row;
  const start = row.row * vocabularySize;
  const { value: max } = peak(row);
  let sum = 0;
  for (let i = 0; i < vocabularySize; i++) sum += Math.exp((logits[start + i] ?? 0) - max);
  return max + Math.log(sum) - (logits[start + token] ?? Number.NaN);
}

/** How far a candidate's distribution is from the reference's. Both rows have the same vocabulary. */
export function rowDivergence(reference: LogitRow, candidate: LogitRow): RowDivergence {
  const size = reference.vocabularySize;
  const topReference = peak(reference);
  const topCandidate = peak(candidate);
  const a = reference.row * size;
  const b = candidate.row * size;
  let sumReference = 0;
  let sumCandidate = 0;
  let weighted = 0;
  for (let i = 0; i < size; i++) {
    // Shifted by their maxima, which cancels in the logarithms below.
    const x = (reference.logits[a + i] ?? 0) - topReference.value;
    const y = (candidate.logits[b + i] ?? 0) - topCandidate.value;
    const weight = Math.exp(x);
    sumReference += weight;
    sumCandidate += Math.exp(y);
    weighted += weight * (x - y);
  }
  const kl = weighted / sumReference - Math.log(sumReference) + Math.log(sumCandidate);
  return {
    // Rounding leaves equal rows some 1e-17 below zero, where a divergence cannot be.
    kl: Math.max(0, kl),
    sameTop: topReference.index === topCandidate.index,
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

  add({ kl, sameTop }: RowDivergence): void {
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
