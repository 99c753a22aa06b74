/** Nodes of the largest published vocabularies are a million; what is far above is refused before it takes the memory. */
const MAX_NODES = 4 * 1024 * 1024;

/**
 * Texts by their beginnings, over UTF-16 units. The step from a node by a unit is a slot of one hash table, which is small
 * and quick to fill beside a tree of objects.
 */
export class PrefixTrie {
  #mask: number;
  /** Node * 65,536 + unit of each slot, and the node that it leads to (0: the slot is empty). */
  #keys: Float64Array;
  #targets: Int32Array;
  #values = new Int32Array(1024).fill(-1);
  #nodes = 1;

  constructor() {
    this.#mask = 2 ** 12 - 1;
    this.#keys = new Float64Array(this.#mask + 1);
    this.#targets = new Int32Array(this.#mask + 1);
  }

  #slotOf(node: number, unit: number): number {
    const key = node * 0x10000 + unit;
    let hash = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
    hash ^= hash >>> 15;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask)
      if (this.#targets[slot] === 0 || this.#keys[slot] === key) return slot;
  }

  #grow(): void {
    const keys = this.#keys;
    const targets = this.#targets;
    this.#mask = this.#mask * 2 + 1;
    this.#keys = new Float64Array(this.#mask + 1);
    this.#targets = new Int32Array(this.#mask + 1);
    keys.forEach((key, i) => {
      const target = targets[i] ?? 0;
      if (target === 0) return;
      const slot = this.#slotOf(Math.floor(key / 0x10000), key % 0x10000);
      this.#keys[slot] = key;
      this.#targets[slot] = target;
    });
  }

  /**
   * Sets the value, which is not negative, of a text.
   *
   * @throws RangeError when the texts are too many
   */
  set(text: string, value: number): void {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      let slot = this.#slotOf(node, unit);
      if (this.#targets[slot] === 0) {
        if (this.#nodes >= MAX_NODES) throw new RangeError('the vocabulary is too large');
        if (this.#nodes * 2 > this.#mask) {
          this.#grow();
          slot = this.#slotOf(node, unit);
        }
        this.#keys[slot] = node * 0x10000 + unit;
        this.#targets[slot] = this.#nodes++;
        if (this.#nodes > this.#values.length) {
          const grown = new Int32Array(this.#values.length * 2).fill(-1);
          grown.set(this.#values);
          this.#values = grown;
        }
      }
      node = this.#targets[slot] ?? 0;
    }
    this.#values[node] = value;
  }

  /** The node behind `node` by a unit of a text; 0, which is the first node, where there is none. */
  step(node: number, unit: number): number {
    return this.#targets[this.#slotOf(node, unit)] ?? 0;
  }

  /** The value of the text that ends in a node; -1 where none does. */
  valueAt(node: number): number {
    return this.#values[node] ?? -1;
  }
}
