/** Pairs of token ids and what they merge to: a hash table with open addressing, since a Map of pairs is slow to fill. */
export class MergeTable {
  readonly #mask: number;
  /** Left id, right id, rank and merged id + 1 of each slot; rank + 1 is 0 in an empty one. */
  readonly #slots: Int32Array;

  /** @param size The most pairs that will be set. */
  constructor(size: number) {
    let slots = 16;
    while (slots < size * 2) slots *= 2;
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots * 4);
  }

  #slotOf(left: number, right: number): number {
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash ^= hash >>> 15;
    const slots = this.#slots;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * 4;
      if (slots[at + 2] === 0 || (slots[at] === left && slots[at + 1] === right)) return at;
    }
  }

  /** The last of several merges of one pair holds. */
  set(left: number, right: number, rank: number): void {
    const at = this.#slotOf(left, right);
    this.#slots[at] = left;
    this.#slots[at + 1] = right;
    this.#slots[at + 2] = rank + 1;
  }

  /** Where the pair is, for `rankAt` and the others; -1 where it does not merge. */
  find(left: number, right: number): number {
    const at = this.#slotOf(left, right);
    return this.#slots[at + 2] === 0 ? -1 : at;
  }

  rankAt(place: number): number {
    return (this.#slots[place + 2] ?? 0) - 1;
  }

  /** -1 until it was set. */
  mergedAt(place: number): number {
    return (this.#slots[place + 3] ?? 0) - 1;
  }

  setMergedAt(place: number, id: number): void {
    this.#slots[place + 3] = id + 1;
  }
}
