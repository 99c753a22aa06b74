import { toByteLevel } from './byte-level.ts';
import { punctuation } from './code-points.ts';
import type { PreTokenizerDefinition, SplitBehavior } from './definition.ts';
import { classOf, Matcher, REGEX_CRATE_WORD } from './pattern.ts';

/** @param isStart whether the piece begins where the whole text does */
export type Emit = (piece: string, isStart: boolean) => void;

/** Cuts a text into the pieces that the model sees one at a time. Empty pieces are dropped by whoever receives them. */
export type PreTokenizer = (text: string, isStart: boolean, emit: Emit) => void;

/** GPT-2's pattern. */
const BYTE_LEVEL_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** Where a text is searched: calls back with start and end of each match. */
type Search = (text: string, found: (start: number, end: number) => void) => void;

/** Each character of a class is a match of its own. */
function characters(source: string): Search {
  const pattern = new RegExp(source, 'gv');
  return (text, found) => {
    for (const { 0: match, index } of text.matchAll(pattern)) found(index, index + match.length);
  };
}

/**
 * Calls back with the matches and what is between them, without gaps. No list is made, here and below: a text may have
 * millions of matches, and what is kept of each takes more memory than the text.
 */
function forEachRange(
  text: string,
  search: Search,
  invert: boolean,
  use: (start: number, end: number, isMatch: boolean) => void,
): void {
  let last = 0;
  search(text, (start, end) => {
    if (start > last) use(last, start, invert);
    use(start, end, !invert);
    last = end;
  });
  if (last < text.length) use(last, text.length, invert);
}

/** Joins a range to the one before it, as `belongs` says; what is joined may be joined to again. */
function joining(
  search: Search,
  invert: boolean,
  belongs: (isMatch: boolean, wasMatch: boolean) => boolean,
): PreTokenizer {
  return (text, isStart, emit) => {
    let first = -1;
    let last = 0;
    let wasMatch = false;
    const flush = (): void => {
      if (first >= 0) emit(text.slice(first, last), isStart && first === 0);
    };
    forEachRange(text, search, invert, (start, end, isMatch) => {
      if (first < 0 || !belongs(isMatch, wasMatch)) {
        flush();
        first = start;
      }
      last = end;
      wasMatch = isMatch;
    });
    flush();
  };
}

function split(search: Search, behavior: SplitBehavior, invert = false): PreTokenizer {
  switch (behavior) {
    case 'Isolated':
      // The one that nearly every model uses. Inverting changes nothing.
      return (text, isStart, emit) => {
        forEachRange(text, search, false, (start, end) => {
          if (end > start) emit(text.slice(start, end), isStart && start === 0);
        });
      };
    case 'Removed':
      return (text, isStart, emit) => {
        forEachRange(text, search, invert, (start, end, isMatch) => {
          if (!isMatch) emit(text.slice(start, end), isStart && start === 0);
        });
      };
    case 'Contiguous':
      return joining(search, invert, (isMatch, wasMatch) => isMatch === wasMatch);
    case 'MergedWithPrevious':
      return joining(search, invert, (isMatch, wasMatch) => isMatch && !wasMatch);
    case 'MergedWithNext':
      return (text, isStart, emit) => {
        // The match that waits for what comes behind it.
        let first = -1;
        let last = 0;
        forEachRange(text, search, invert, (start, end, isMatch) => {
          if (isMatch) {
            if (first >= 0) emit(text.slice(first, last), isStart && first === 0);
            first = start;
            last = end;
            return;
          }
          const from = first >= 0 ? first : start;
          first = -1;
          emit(text.slice(from, end), isStart && from === 0);
        });
        if (first >= 0) emit(text.slice(first, last), isStart && first === 0);
      };
  }
}

const isPunctuation = (): Search => characters(`[${classOf(punctuation)}]`);

function chain(first: PreTokenizer, second: PreTokenizer): PreTokenizer {
  return (text, isStart, emit) => {
    first(text, isStart, (piece, isPieceStart) => {
      if (piece !== '') second(piece, isPieceStart, emit);
    });
  };
}

function byteLevelSplit(addPrefixSpace: boolean, useRegex: boolean): PreTokenizer {
  const matcher = useRegex ? new Matcher({ kind: 'regex', source: BYTE_LEVEL_PATTERN }) : null;
  const cut =
    matcher === null
      ? null
      : split((text, found) => {
          matcher.forEach(text, found);
        }, 'Isolated');
  return (text, isStart, emit) => {
    const prefixed = addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text;
    if (cut === null) emit(prefixed, isStart);
    else cut(prefixed, isStart, emit);
  };
}

function metaspace(definition: PreTokenizerDefinition & { type: 'Metaspace' }): PreTokenizer {
  const { replacement, prependScheme } = definition;
  const cut = split((text, found) => {
    for (let at = text.indexOf(replacement); at !== -1;) {
      found(at, at + replacement.length);
      at = text.indexOf(replacement, at + replacement.length);
    }
  }, 'MergedWithNext');
  return (text, isStart, emit) => {
    const replaced = text.replaceAll(' ', () => replacement);
    const isPrefixed =
      (prependScheme === 'always' || (prependScheme === 'first' && isStart)) &&
      !replaced.startsWith(replacement);
    const prefixed = isPrefixed ? replacement + replaced : replaced;
    if (definition.split) cut(prefixed, isStart, emit);
    else emit(prefixed, isStart);
  };
}

/** Scripts in the order of Unicode's property values, tried one after another and remembered by character. */
function scriptOf(): (character: string) => string {
  const names =
    'Common Latin Han Hiragana Katakana Hangul Cyrillic Arabic Devanagari Greek Hebrew Thai Inherited Armenian Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Lao Tibetan Myanmar Georgian Ethiopic Cherokee Canadian_Aboriginal Ogham Runic Khmer Mongolian Yi Old_Italic Gothic Deseret Tagalog Hanunoo Buhid Tagbanwa Braille Cypriot Limbu Linear_B Osmanya Shavian Tai_Le Ugaritic Bopomofo Syriac Thaana Coptic New_Tai_Lue Glagolitic Tifinagh Syloti_Nagri Old_Persian Kharoshthi Balinese Cuneiform Phoenician Phags_Pa Nko Sundanese Lepcha Ol_Chiki Vai Saurashtra Kayah_Li Rejang Cham Tai_Tham Tai_Viet Egyptian_Hieroglyphs Samaritan Lisu Bamum Javanese Meetei_Mayek Adlam'
      .split(' ')
      .map((name) => [name, new RegExp(`^\\p{Script=${name}}$`, 'v')] as const);
  const known = new Map<string, string>();
  return (character) => {
    let script = known.get(character);
    if (script === undefined) {
      script = names.find(([, pattern]) => pattern.test(character))?.[0] ?? 'Any';
      // As SentencePiece: the scripts of Japanese are one, and a space belongs to every script.
      if (script === 'Hiragana' || script === 'Katakana' || character === 'ー') script = 'Han';
      if (character === ' ') script = 'Any';
      known.set(character, script);
    }
    return script;
  };
}

function unicodeScripts(): PreTokenizer {
  const script = scriptOf();
  return (text, isStart, emit) => {
    // What is before the first character that has a script is dropped, as there.
    let start = -1;
    let last: string | null = null;
    let offset = 0;
    for (const character of text) {
      const current = script(character);
      if (current !== 'Any' && last !== current) {
        if (start >= 0) emit(text.slice(start, offset), isStart && start === 0);
        start = offset;
      }
      if (current !== 'Any') last = current;
      offset += character.length;
    }
    if (start >= 0) emit(text.slice(start), isStart && start === 0);
  };
}

function fixedLength(length: number): PreTokenizer {
  return (text, isStart, emit) => {
    let start = 0;
    let end = 0;
    let characters = 0;
    for (const character of text) {
      end += character.length;
      if (++characters < length) continue;
      emit(text.slice(start, end), isStart && start === 0);
      start = end;
      characters = 0;
    }
    if (start < text.length) emit(text.slice(start), isStart && start === 0);
  };
}

function createSequence(definitions: readonly PreTokenizerDefinition[]): PreTokenizer {
  return definitions
    .map((definition) => createPreTokenizer(definition))
    .reduce(chain, (text, isStart, emit) => {
      emit(text, isStart);
    });
}

/** @throws SyntaxError for a regular expression that cannot be read */
export function createPreTokenizer(definition: PreTokenizerDefinition): PreTokenizer {
  switch (definition.type) {
    case 'BertPreTokenizer':
      return chain(
        split(characters(String.raw`\p{White_Space}`), 'Removed'),
        split(isPunctuation(), 'Isolated'),
      );
    case 'ByteLevel': {
      const cut = byteLevelSplit(definition.addPrefixSpace, definition.useRegex);
      return (text, isStart, emit) => {
        cut(text, isStart, (piece, isPieceStart) => {
          emit(toByteLevel(piece), isPieceStart);
        });
      };
    }
    case 'CharDelimiterSplit':
      return split(characters(`[${classOf([codePointRange(definition.delimiter)])}]`), 'Removed');
    case 'Digits': {
      // Numbers of every kind: ½, Ⅳ and ٣ are, as 7 is.
      const numbers = characters(String.raw`\p{N}`);
      return split(numbers, definition.individualDigits ? 'Isolated' : 'Contiguous');
    }
    case 'FixedLength':
      return fixedLength(definition.length);
    case 'Metaspace':
      return metaspace(definition);
    case 'Punctuation':
      return split(isPunctuation(), definition.behavior);
    case 'Split': {
      const matcher = new Matcher(definition.pattern);
      return split(
        (text, found) => {
          matcher.forEach(text, found);
        },
        definition.behavior,
        definition.invert,
      );
    }
    case 'UnicodeScripts':
      return unicodeScripts();
    case 'Whitespace': {
      const others = `[^${REGEX_CRATE_WORD}\\p{White_Space}]`;
      // Words and what is between them without whitespace; the whitespace is dropped.
      return split(characters(`${REGEX_CRATE_WORD}+|${others}+`), 'Removed', true);
    }
    case 'WhitespaceSplit':
      return split(characters(String.raw`\p{White_Space}`), 'Removed');
    case 'Sequence':
      return createSequence(definition.preTokenizers);
  }
}

function codePointRange(character: string): readonly [number, number] {
  const codePoint = character.codePointAt(0) ?? 0;
  return [codePoint, codePoint];
}

/** Pieces as they are, and whether the model sees their bytes as characters of GPT-2's alphabet. */
export interface PiecePlan {
  readonly split: PreTokenizer | null;
  readonly isByteLevel: boolean;
}

/**
 * A pre-tokenizer whose last step, where that is ByteLevel, is left to whoever encodes the pieces: a piece that was seen
 * before need not be rewritten.
 */
export function planPieces(definition: PreTokenizerDefinition | null): PiecePlan {
  if (definition === null) return { split: null, isByteLevel: false };
  const steps = definition.type === 'Sequence' ? definition.preTokenizers : [definition];
  const last = steps.at(-1);
  if (last?.type !== 'ByteLevel')
    return { split: createPreTokenizer(definition), isByteLevel: false };
  const cut = byteLevelSplit(last.addPrefixSpace, last.useRegex);
  return {
    split: steps.length === 1 ? cut : chain(createSequence(steps.slice(0, -1)), cut),
    isByteLevel: true,
  };
}
