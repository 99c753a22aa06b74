import { toByteLevel } from './byte-level.ts';
import { normalizeWithin, type NormalizationForm } from './canonical-order.ts';
import {
  combiningMarks,
  keptByNfd,
  keptByNfkc,
  keptByNfkd,
  nonspacingMarks,
  otherCharacters,
  type CodePointRanges,
} from './code-points.ts';
import type { NormalizerDefinition, Pattern } from './definition.ts';
import { replaceAllWithin, tooMuchText } from './limits.ts';
import { classOf, Matcher } from './pattern.ts';
import { precompiledNormalizer } from './precompiled.ts';

/**
 * Rewrites a text before it is split.
 *
 * @param limit UTF-16 units that the result may have
 * @throws AppError `malformed-file` where it would have more
 */
export type Normalizer = (text: string, limit: number) => string;

function inOrder(steps: readonly Normalizer[]): Normalizer {
  return (text, limit) =>
    steps.reduce((current, step) => {
      const next = step(current, limit);
      if (next.length > limit) throw tooMuchText('tokenizing', limit);
      return next;
    }, text);
}

/** Every character of `ranges`. */
function anyOf(ranges: CodePointRanges): RegExp {
  return new RegExp(`[${classOf(ranges)}]`, 'gv');
}

const removing =
  (pattern: RegExp): Normalizer =>
  (text) =>
    text.replace(pattern, '');

function unicode(form: NormalizationForm, kept: CodePointRanges | null): Normalizer {
  if (kept === null) return (text) => normalizeWithin(text, form);
  const keptCharacters = new RegExp(`([${classOf(kept)}]+)`, 'v');
  return (text) => {
    if (!keptCharacters.test(text)) return normalizeWithin(text, form);
    return text
      .split(keptCharacters)
      .map((part, i) => (i % 2 === 1 ? part : normalizeWithin(part, form)))
      .join('');
  };
}

/** Character by character: a sigma at a word's end is no other than elsewhere. */
const lowercase: Normalizer = (text) => text.replaceAll('Σ', 'σ').toLowerCase();

/** The blocks whose characters BERT takes for words of their own. */
const chineseCharacters =
  /[\u{3400}-\u{4dbf}\u{4e00}-\u{9fff}\u{f900}-\u{faff}\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gv;

function bert(definition: NormalizerDefinition & { type: 'BertNormalizer' }): Normalizer {
  const steps: Normalizer[] = [];
  if (definition.cleanText) {
    const removed = new RegExp(`[\\ufffd${classOf(otherCharacters)}]`, 'gv');
    steps.push((text) => text.replace(removed, '').replace(/\p{White_Space}/gv, ' '));
  }
  if (definition.handleChineseChars) steps.push((text) => text.replace(chineseCharacters, ' $& '));
  if (definition.stripAccents)
    steps.push(unicode('NFD', keptByNfd), removing(anyOf(nonspacingMarks)));
  if (definition.lowercase) steps.push(lowercase);
  return inOrder(steps);
}

const nmtRemoved = new RegExp(
  `[${classOf([
    [0x01, 0x08],
    [0x0b, 0x0b],
    [0x0e, 0x1f],
    [0x7f, 0x7f],
    [0x8f, 0x8f],
    [0x9f, 0x9f],
  ])}]`,
  'gv',
);
const nmtSpaces = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/gv;

/** The rules that SentencePiece has built in beside NFKC. */
const nmt: Normalizer = (text) => text.replace(nmtRemoved, '').replace(nmtSpaces, ' ');

/** How many pieces wait to be made one text. */
const MAX_WAITING = 4_096;

/** A text of many pieces. Adding them one by one to a string would keep a node of memory for each until the text is used. */
class Pieces {
  readonly #limit: number;
  readonly #joined: string[] = [];
  #waiting: string[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws AppError `malformed-file` beyond the limit */
  add(piece: string): void {
    this.#length += piece.length;
    if (this.#length > this.#limit) throw tooMuchText('tokenizing', this.#limit);
    this.#waiting.push(piece);
    if (this.#waiting.length < MAX_WAITING) return;
    this.#joined.push(this.#waiting.join(''));
    this.#waiting = [];
  }

  text(): string {
    return this.#joined.join('') + this.#waiting.join('');
  }
}

function replace(pattern: Pattern, content: string): Normalizer {
  if (pattern.kind === 'text' && pattern.text !== '')
    return (text, limit) => replaceAllWithin(text, pattern.text, content, limit, 'tokenizing');
  const matcher = new Matcher(pattern);
  return (text, limit) => {
    // An empty text has no matches at all.
    if (text === '') return text;
    const pieces = new Pieces(limit);
    let last = 0;
    matcher.forEach(text, (start, end) => {
      pieces.add(text.slice(last, start));
      pieces.add(content);
      last = end;
    });
    pieces.add(text.slice(last));
    return pieces.text();
  };
}

function strip({ left, right }: { left: boolean; right: boolean }): Normalizer {
  const isSpace = /^\p{White_Space}$/v;
  return (text) => {
    let start = 0;
    let end = text.length;
    if (left) while (start < end && isSpace.test(text.charAt(start))) start++;
    if (right) while (end > start && isSpace.test(text.charAt(end - 1))) end--;
    return text.slice(start, end);
  };
}

/** @throws SyntaxError for a regular expression that cannot be read */
export function createNormalizer(definition: NormalizerDefinition): Normalizer {
  switch (definition.type) {
    case 'NFC':
      return unicode('NFC', null);
    case 'NFD':
      return unicode('NFD', keptByNfd);
    case 'NFKC':
      return unicode('NFKC', keptByNfkc);
    case 'NFKD':
      return unicode('NFKD', keptByNfkd);
    case 'Lowercase':
      return lowercase;
    case 'Nmt':
      return nmt;
    case 'StripAccents':
      return removing(anyOf(combiningMarks));
    case 'ByteLevel':
      return toByteLevel;
    case 'Prepend':
      return (text) => (text === '' ? text : definition.prepend + text);
    case 'Replace':
      return replace(definition.pattern, definition.content);
    case 'Strip':
      return strip(definition);
    case 'BertNormalizer':
      return bert(definition);
    case 'Precompiled':
      return precompiledNormalizer(definition.charsmap);
    case 'Sequence':
      return inOrder(definition.normalizers.map(createNormalizer));
  }
}
