import { failed } from './failure.ts';
import { indexIn, lastIndexIn } from './search.ts';
import { codePoints } from './values.ts';

/** Python's white space, as a class of a regular expression; JavaScript's \s has U+FEFF and lacks five others. */
export const SPACE_CLASS =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const space = new RegExp(`[${SPACE_CLASS}]`);
const onlySpace = new RegExp(`^[${SPACE_CLASS}]+$`);

export function isSpace(character: string): boolean {
  return space.test(character);
}

export function isOnlySpace(text: string): boolean {
  return onlySpace.test(text);
}

/** Whether some character takes two UTF-16 units. */
export function isAstral(text: string): boolean {
  return /[\uD800-\uDFFF]/.test(text);
}

/** strip(), lstrip() and rstrip(); `characters` null is white space. */
export function strip(
  text: string,
  characters: string | null,
  side: 'both' | 'left' | 'right',
): string {
  const strips: (character: string) => boolean =
    characters === null
      ? isSpace
      : (
          (set) => (c) =>
            set.has(c)
        )(new Set(characters));
  let start = 0;
  let end = text.length;
  if (side !== 'right')
    while (start < end) {
      const character = String.fromCodePoint(text.codePointAt(start) ?? 0);
      if (!strips(character)) break;
      start += character.length;
    }
  if (side !== 'left')
    while (end > start) {
      const low = text.charCodeAt(end - 1);
      const isPair = (low & 0xfc00) === 0xdc00 && (text.charCodeAt(end - 2) & 0xfc00) === 0xd800;
      const from = isPair && end - 2 >= start ? end - 2 : end - 1;
      if (!strips(text.slice(from, end))) break;
      end = from;
    }
  return text.slice(start, end);
}

/** Lines of a text; with `keepEnds` each has its end. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  // eslint-disable-next-line no-control-regex -- Python ends lines at separators, too
  const ends = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/g;
  let start = 0;
  for (let found = ends.exec(text); found !== null; found = ends.exec(text)) {
    lines.push(text.slice(start, keepEnds ? ends.lastIndex : found.index));
    start = ends.lastIndex;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

/** split() and rsplit() at white space. @param limit how often; negative is always */
export function splitSpace(text: string, limit: number, fromRight: boolean): string[] {
  const parts: string[] = [];
  const at = (i: number): boolean => isSpace(text.charAt(i));
  if (fromRight) {
    let end = text.length;
    for (;;) {
      while (end > 0 && at(end - 1)) end--;
      if (end === 0) return parts.reverse();
      if (limit >= 0 && parts.length === limit) {
        parts.push(text.slice(0, end));
        return parts.reverse();
      }
      let start = end;
      while (start > 0 && !at(start - 1)) start--;
      parts.push(text.slice(start, end));
      end = start;
    }
  }
  let start = 0;
  for (;;) {
    while (start < text.length && at(start)) start++;
    if (start === text.length) return parts;
    if (limit >= 0 && parts.length === limit) {
      parts.push(text.slice(start));
      return parts;
    }
    let end = start;
    while (end < text.length && !at(end)) end++;
    parts.push(text.slice(start, end));
    start = end;
  }
}

/** split() and rsplit() at a separator. */
export function splitAt(
  text: string,
  separator: string,
  limit: number,
  fromRight: boolean,
): string[] {
  if (separator === '') throw failed('empty separator');
  if (limit < 0) {
    if (!fromRight && separator.length <= 16) return text.split(separator);
    limit = text.length;
  }
  const parts: string[] = [];
  if (fromRight) {
    let end = text.length;
    while (parts.length < limit) {
      const found =
        end < separator.length ? -1 : lastIndexIn(text, separator, end - separator.length);
      if (found < 0) break;
      parts.push(text.slice(found + separator.length, end));
      end = found;
    }
    parts.push(text.slice(0, end));
    return parts.reverse();
  }
  let start = 0;
  while (parts.length < limit) {
    const found = indexIn(text, separator, start);
    if (found < 0) break;
    parts.push(text.slice(start, found));
    start = found + separator.length;
  }
  parts.push(text.slice(start));
  return parts;
}

/** How often `part` is in `text`, without overlap. */
export function countOf(text: string, part: string): number {
  if (part === '') return codePoints(text) + 1;
  let count = 0;
  for (let at = indexIn(text, part); at >= 0; at = indexIn(text, part, at + part.length)) count++;
  return count;
}

/** replace(); a negative count is every one. */
export function replaceText(text: string, old: string, by: string, count: number): string {
  if (count === 0) return text;
  if (old === '') {
    const characters = Array.from(text);
    const times = count < 0 ? characters.length + 1 : Math.min(count, characters.length + 1);
    let out = '';
    for (const [i, character] of characters.entries()) out += (i < times ? by : '') + character;
    return times > characters.length ? out + by : out;
  }
  return splitAt(text, old, count, false).join(by);
}

/** Start, stop and step of a slice over `length` items, as Python's slice.indices. */
export function sliceIndices(
  length: number,
  start: number | null,
  stop: number | null,
  step: number | null,
): { start: number; stop: number; step: number } {
  const by = step ?? 1;
  if (by === 0) throw failed('slice step cannot be zero');
  const low = by < 0 ? -1 : 0;
  const high = by < 0 ? length - 1 : length;
  const clamp = (value: number): number =>
    value < 0 ? Math.max(value + length, low) : Math.min(value, high);
  return {
    start: start === null ? (by < 0 ? high : low) : clamp(start),
    stop: stop === null ? (by < 0 ? low : high) : clamp(stop),
    step: by,
  };
}

/** The places that a slice names, in order. */
export function slicePlaces(indices: { start: number; stop: number; step: number }): number[] {
  const places: number[] = [];
  const { start, stop, step } = indices;
  if (step > 0) for (let i = start; i < stop; i += step) places.push(i);
  else for (let i = start; i > stop; i += step) places.push(i);
  return places;
}

/** A slice of a text, by code point. */
export function sliceText(
  text: string,
  start: number | null,
  stop: number | null,
  step: number | null,
): string {
  const characters = isAstral(text) ? Array.from(text) : null;
  const indices = sliceIndices(characters?.length ?? text.length, start, stop, step);
  if (indices.step === 1)
    return characters === null
      ? text.slice(indices.start, Math.max(indices.start, indices.stop))
      : characters.slice(indices.start, Math.max(indices.start, indices.stop)).join('');
  return slicePlaces(indices)
    .map((i) => characters?.[i] ?? text.charAt(i))
    .join('');
}

const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]/u;

/** Whether Python prints a character as it is within a repr. */
export function isPrintable(character: string): boolean {
  return character === ' ' || !unprintable.test(character);
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** repr() of a str. */
export function textRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const character of text) {
    if (character === quote || character === '\\') out += `\\${character}`;
    else if (character === '\n') out += '\\n';
    else if (character === '\r') out += '\\r';
    else if (character === '\t') out += '\\t';
    else out += isPrintable(character) ? character : escapeCharacter(character);
  }
  return out + quote;
}

/** HTML's five characters, as markupsafe escapes them. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('>', '&gt;')
    .replaceAll('<', '&lt;')
    .replaceAll("'", '&#39;')
    .replaceAll('"', '&#34;');
}

/** How texts are ordered: by code point. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const isHighX = x >= 0xd800 && x <= 0xdfff;
    const isHighY = y >= 0xd800 && y <= 0xdfff;
    return isHighX === isHighY ? x - y : isHighX ? 1 : -1;
  }
  return a.length - b.length;
}
