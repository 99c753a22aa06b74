/** About two frames of a screen: nobody sees the difference, and a fast model sends a tenth of the messages. */
const INTERVAL_MS = 30;

/** Collects items and hands them on in batches: the first at once, later ones at most every `INTERVAL_MS`. */
export class TokenBatch<T> {
  readonly #emit: (items: T[]) => void;
  #items: T[] = [];
  #timer: NodeJS.Timeout | null = null;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(emit: (items: T[]) => void) {
    this.#emit = emit;
  }

  add(item: T): void {
    this.#items.push(item);
    const waitMs = this.#lastMs + INTERVAL_MS - performance.now();
    if (waitMs <= 0) this.flush();
    else
      this.#timer ??= setTimeout(() => {
        this.flush();
      }, waitMs);
  }

  /** Hands on what is waiting; call it at the end. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#items.length === 0) return;
    const items = this.#items;
    this.#items = [];
    this.#lastMs = performance.now();
    this.#emit(items);
  }
}
