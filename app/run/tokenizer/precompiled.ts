/**
 * SentencePiece's normalization table: a double-array trie over UTF-8 bytes whose values are places in a list of
 * replacements, each ended by a zero byte.
 */

import { classOf } from './pattern.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The most bytes of a grapheme that are looked up as a whole. */
const MAX_GRAPHEME_BYTES = 5;

class CharacterMap {
  readonly #units: Uint32Array;
  readonly #replacements: Uint8Array;

  /** @throws RangeError when the trie's size is not that of a trie */
  constructor(charsmap: Uint8Array) {
    const view = new DataView(charsmap.buffer, charsmap.byteOffset, charsmap.byteLength);
    const size = view.byteLength < 4 ? -1 : view.getUint32(0, true);
    if (size < 4 || size % 4 !== 0 || size > view.byteLength - 4)
      throw new RangeError('the precompiled character map has no trie');
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#replacements = charsmap.subarray(4 + size);
  }

  /** What replaces `text`: the value of its shortest beginning in the trie (sic), or null. */
  find(text: Uint8Array): string | null {
    const unit = (place: number): number => this.#units[place] ?? 0;
    const offset = (value: number): number => (value >>> 10) << ((value & 0x200) >>> 6);
    let place = offset(unit(0));
    for (const byte of text) {
      if (byte === 0) return null;
      place ^= byte;
      const value = unit(place);
      if ((value & 0x800000ff) >>> 0 !== byte) return null;
      place ^= offset(value);
      if (((value >>> 8) & 1) === 1) return this.#replacement(unit(place) & 0x7fffffff);
    }
    return null;
  }

  #replacement(start: number): string {
    let end = start;
    while (end < this.#replacements.length && this.#replacements[end] !== 0) end++;
    return decoder.decode(this.#replacements.subarray(start, end));
  }
}

/** Characters of ASCII beside each other, without line ends. */
const asciiRun = new RegExp(
  `[${classOf([
    [0x00, 0x09],
    [0x0b, 0x0c],
    [0x0e, 0x7f],
  ])}]{3,}`,
  'gv',
);

/** @throws RangeError when `charsmap` is no such table */
export function precompiledNormalizer(charsmap: Uint8Array): (text: string) => string {
  const map = new CharacterMap(charsmap);
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const known = new Map<string, string>();

  const character = (text: string): string => {
    let replaced = known.get(text);
    if (replaced === undefined) {
      replaced = map.find(encoder.encode(text)) ?? text;
      // One entry per character that occurs: as many as Unicode has at most.
      known.set(text, replaced);
    }
    return replaced;
  };
  const grapheme = (text: string): string => {
    if (text.length === 1) return character(text);
    const bytes = encoder.encode(text);
    const whole = bytes.length <= MAX_GRAPHEME_BYTES ? map.find(bytes) : null;
    return whole ?? Array.from(text, character).join('');
  };

  const graphemes = (text: string): string => {
    let result = '';
    for (const { segment } of segmenter.segment(text)) result += grapheme(segment);
    return result;
  };

  return (text) => {
    let result = '';
    let last = 0;
    // Between two characters of ASCII a grapheme ends, but for CR LF: only what is beside others needs the segmenter.
    for (const { 0: run, index } of text.matchAll(asciiRun)) {
      result += graphemes(text.slice(last, index + 1));
      for (let i = 1; i < run.length - 1; i++) result += character(run.charAt(i));
      last = index + run.length - 1;
    }
    return result + graphemes(text.slice(last));
  };
}
