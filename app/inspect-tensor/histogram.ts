import type { Histogram } from '../contract/tensor-view.ts';

/** Counts values in equal bins over a range that is known before. */
export class HistogramMeter {
  readonly least: number;
  readonly most: number;
  readonly counts: Uint32Array;
  readonly #edges: Float64Array;
  readonly #perUnit: number;

  /** A range of no width is widened, so that its one value lies in the middle. */
  constructor(least: number, most: number, bins: number) {
    const margin = least < most ? 0 : Math.abs(least) / 2 || 1;
    this.least = least - margin;
    this.most = most + margin;
    this.counts = new Uint32Array(bins);
    const width = (this.most - this.least) / bins;
    this.#perUnit = bins / (this.most - this.least);
    this.#edges = Float64Array.from({ length: bins + 1 }, (_, i) =>
      i === bins ? this.most : this.least + i * width,
    );
  }

  /** Counts values[start..end) divided by `divisor`; those outside the range go into the outermost bins. */
  add(values: Float32Array, start: number, end: number, divisor: number): void {
    const { counts, least } = this;
    const edges = this.#edges;
    const last = counts.length - 1;
    // Multiplying is several times faster; where it rounds across an edge, the edges themselves decide.
    const perUnit = this.#perUnit;
    for (let i = start; i < end; i++) {
      const value = (values[i] ?? 0) / divisor;
      let bin = ((value - least) * perUnit) | 0;
      if (bin > last) bin = last;
      else if (bin < 0) bin = 0;
      if (value < (edges[bin] ?? 0)) bin = bin === 0 ? 0 : bin - 1;
      else if (bin < last && value >= (edges[bin + 1] ?? 0)) bin++;
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }

  toHistogram(): Histogram {
    return { edges: [...this.#edges], counts: [...this.counts] };
  }
}
