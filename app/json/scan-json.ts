/**
 * What can be told of a JSON text from one pass over its bytes, without building anything: how deep it is nested, how
 * many values it has, and which of the rarer spellings occur. The text need not be valid.
 */
export interface JsonScan {
  /** The first limit that the text breaks; null when it keeps to them. Then the other fields are complete. */
  readonly broken: 'depth' | 'values' | 'numeric-keys' | null;
  /** Keys of all objects together, duplicates included. */
  readonly keys: number;
  /** A number with a sign, a fraction or an exponent. */
  readonly hasFraction: boolean;
  /** NaN, Infinity or -Infinity outside of strings, as Python's json module writes and reads them. */
  readonly hasPythonConstant: boolean;
  /** A \u escape of half a character. */
  readonly hasSurrogateEscape: boolean;
}

export interface ScanLimits {
  readonly maxDepth: number;
  readonly maxValues: number;
  readonly maxNumericKeys: number;
}

const QUOTE = 0x22;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const UPPER_E = 0x45;
const UPPER_I = 0x49;
const UPPER_N = 0x4e;
const LOWER_A = 0x61;
const LOWER_D = 0x64;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const LOWER_Z = 0x7a;
/** Makes a Latin letter small and leaves digits as they are. */
const LOWER_BIT = 0x20;

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && (byte | LOWER_BIT) >= LOWER_A && (byte | LOWER_BIT) <= LOWER_Z;
}

/** Whether `\uXXXX` at `at` is half of a character: D800 to DFFF. */
function isSurrogateEscape(bytes: Uint8Array, at: number): boolean {
  const third = (bytes[at + 3] ?? 0) | LOWER_BIT;
  const isUpperHalf = third === 0x38 || third === 0x39 || (third >= LOWER_A && third <= 0x66);
  return bytes[at + 1] === LOWER_U && ((bytes[at + 2] ?? 0) | LOWER_BIT) === LOWER_D && isUpperHalf;
}

/** 1 for every byte that a number or a word can have: digits, letters, signs and the point. */
const IN_LITERAL = Uint8Array.from({ length: 256 }, (_, byte) =>
  isDigit(byte) || isLetter(byte) || byte === MINUS || byte === POINT || byte === 0x2b ? 1 : 0,
);

/** The end of the literal (number or word) at `start`. */
export function endOfLiteral(bytes: Uint8Array, start: number): number {
  let end = start;
  // The length ends it: what lies behind the end is undefined, and undefined is no index of the table.
  while (end < bytes.length && IN_LITERAL[bytes[end] ?? 0] === 1) end++;
  return end;
}

/** Position after the closing quote of the string that opens at `start`. */
export function endOfString(bytes: Uint8Array, start: number): number {
  let end = start + 1;
  while (end < bytes.length && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1;
  return end + 1;
}

/** Scans until the end or until a limit is broken. */
export function scanJson(bytes: Uint8Array, limits: ScanLimits): JsonScan {
  let depth = 0;
  let values = 0;
  let keys = 0;
  let numericKeys = 0;
  // The string that was seen last.
  let textStart = 0;
  let textEnd = 0;
  const found = { hasFraction: false, hasPythonConstant: false, hasSurrogateEscape: false };
  const result = (broken: JsonScan['broken']): JsonScan => ({ broken, keys, ...found });
  // Headers have no escapes; then the end of a string is the next quote, which is found without a loop of ours.
  const hasEscapes = bytes.includes(BACKSLASH);
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      textStart = at + 1;
      if (!hasEscapes) {
        const end = bytes.indexOf(QUOTE, textStart);
        at = end === -1 ? bytes.length : end;
      } else
        for (at++; at < bytes.length; at++) {
          const inside = bytes[at];
          if (inside === QUOTE) break;
          if (inside !== BACKSLASH) continue;
          if (bytes[at + 1] === LOWER_U && isSurrogateEscape(bytes, at))
            found.hasSurrogateEscape = true;
          at++;
        }
      textEnd = at;
      values++;
    } else if (byte === COLON) {
      keys++;
      if (isNumber(bytes, textStart, textEnd) && ++numericKeys > limits.maxNumericKeys)
        return result('numeric-keys');
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      values++;
      if (++depth > limits.maxDepth) return result('depth');
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
    } else if (IN_LITERAL[byte] === 1 && byte !== POINT && byte !== 0x2b) {
      values++;
      const end = endOfLiteral(bytes, at);
      noteLiteral(bytes, at, end, found);
      at = end - 1;
    }
    if (values > limits.maxValues) return result('values');
  }
  return result(null);
}

/** Whether [start, end) is made of digits alone. */
function isNumber(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && isDigit(bytes[at])) at++;
  return at === end && end > start;
}

/** Which of the rarer spellings the literal in [start, end) is. */
function noteLiteral(
  bytes: Uint8Array,
  start: number,
  end: number,
  found: { hasFraction: boolean; hasPythonConstant: boolean },
): void {
  const first = bytes[start] ?? 0;
  if (first === UPPER_N || first === UPPER_I || bytes[start + 1] === UPPER_I)
    found.hasPythonConstant = true;
  else if (first === MINUS) found.hasFraction = true;
  else if (isDigit(first))
    for (let at = start + 1; at < end; at++) {
      const byte = bytes[at];
      if (byte === POINT || byte === LOWER_E || byte === UPPER_E) found.hasFraction = true;
    }
}

/**
 * The text with some of its literals exchanged. Strings stay as they are.
 *
 * @param replace What stands for a literal; null leaves it.
 */
export function replaceLiterals(
  bytes: Uint8Array,
  replace: (literal: string) => string | null,
): string {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parts: string[] = [];
  let copied = 0;
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === MINUS || isDigit(byte) || isLetter(byte)) {
      const end = endOfLiteral(bytes, at);
      const exchanged = replace(decoder.decode(bytes.subarray(at, end)));
      if (exchanged !== null) {
        parts.push(decoder.decode(bytes.subarray(copied, at)), exchanged);
        copied = end;
      }
      at = end;
    } else at++;
  }
  parts.push(decoder.decode(bytes.subarray(copied)));
  return parts.join('');
}
