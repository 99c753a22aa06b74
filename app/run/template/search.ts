/**
 * Longer texts are searched for in time that grows with the two lengths added. V8's own search is quicker, but takes
 * their product in the worst case: minutes for a million times `a` and half as many with a `b` behind them.
 */
const MAX_NATIVE_LENGTH = 256;

/** For every place of `part`: how long a beginning of it ends there, the whole apart. */
function overlaps(part: string): Int32Array {
  const table = new Int32Array(part.length);
  let length = 0;
  for (let i = 1; i < part.length; i++) {
    const unit = part.charCodeAt(i);
    while (length > 0 && unit !== part.charCodeAt(length)) length = table[length - 1] ?? 0;
    if (unit === part.charCodeAt(length)) length++;
    table[i] = length;
  }
  return table;
}

/** `text.indexOf(part, from)`. */
export function indexIn(text: string, part: string, from = 0): number {
  if (part.length <= MAX_NATIVE_LENGTH) return text.indexOf(part, from);
  if (text.length - from < part.length) return -1;
  const table = overlaps(part);
  let length = 0;
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    while (length > 0 && unit !== part.charCodeAt(length)) length = table[length - 1] ?? 0;
    if (unit === part.charCodeAt(length)) length++;
    if (length === part.length) return i + 1 - length;
  }
  return -1;
}

/** `text.lastIndexOf(part, from)`: the last place, at `from` or before. */
export function lastIndexIn(text: string, part: string, from = text.length - part.length): number {
  if (part.length <= MAX_NATIVE_LENGTH) return text.lastIndexOf(part, from);
  const reversed = (whole: string): string => whole.split('').reverse().join('');
  const end = Math.min(text.length, from + part.length);
  if (end < part.length) return -1;
  const found = indexIn(reversed(text.slice(0, end)), reversed(part));
  return found < 0 ? -1 : end - found - part.length;
}
