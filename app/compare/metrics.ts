/** Sums over what models said of each token; what each said is computed where its logits are. */

/** Two models' opinions about the same next token. */
export interface RowDivergence {
  /** KL(reference ‖ candidate), nats. */
  readonly kl: number;
  /** Whether both think the same token most likely; of equals the lowest id counts. */
  readonly sameTop: boolean;
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
