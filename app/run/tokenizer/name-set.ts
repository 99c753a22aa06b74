import { PrefixTrie } from './models/prefix-trie.ts';

/** Finds where names begin in a text, in one pass over it however many names there are. */
export class NameSet {
  readonly #trie = new PrefixTrie();

  constructor(names: readonly string[]) {
    for (const name of names) if (name !== '') this.#trie.set(name, 0);
  }

  /** In ascending order; names inside each other count too. */
  startsIn(text: string): number[] {
    const starts: number[] = [];
    for (let start = 0; start < text.length; start++)
      for (let node = 0, at = start; at < text.length;) {
        node = this.#trie.step(node, text.charCodeAt(at++));
        if (node === 0) break;
        if (this.#trie.valueAt(node) < 0) continue;
        starts.push(start);
        break;
      }
    return starts;
  }
}
