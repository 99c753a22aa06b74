/** The keys of all objects in a parsed JSON value, however deep it is. */
function countKeys(value: unknown): number {
  let count = 0;
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    const inside: unknown[] = Object.values(next);
    if (!Array.isArray(next)) count += inside.length;
    for (const each of inside) if (typeof each === 'object') open.push(each);
  }
  return count;
}

/**
 * The first key that occurs twice in one object of a JSON text, at any depth; null when there is none.
 *
 * JSON.parse keeps the last of two equal keys without a word, so that a file could show one tensor to whoever checks
 * it and another to whoever loads it.
 *
 * @param text Valid JSON.
 * @param parsed What JSON.parse made of it.
 * @param keys How many keys the text has.
 */
export function findDuplicateKey(text: string, parsed: unknown, keys: number): string | null {
  // What is written as its value is has lost no key: headers are, but for the spaces that fill them up. Else, with as many
  // keys in the text as in the value none was lost, either. Going through a model's header letter by letter takes as long
  // as opening its file.
  if (text.trimEnd() === JSON.stringify(parsed) || keys === countKeys(parsed)) return null;
  // One set of keys per open object; null for an open array, whose strings are never keys.
  const open: (Set<string> | null)[] = [];
  let position = 0;
  while (position < text.length) {
    const character = text[position];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(null);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = endOfString(text, position);
      const keysSoFar = open.at(-1);
      if (keysSoFar instanceof Set && isFollowedByColon(text, end)) {
        const key = String(JSON.parse(text.slice(position, end)));
        if (keysSoFar.has(key)) return key;
        keysSoFar.add(key);
      }
      position = end;
      continue;
    }
    position++;
  }
  return null;
}

/** Position after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
}

function isFollowedByColon(text: string, position: number): boolean {
  let next = position;
  while (next < text.length && ' \t\n\r'.includes(text[next] ?? '')) next++;
  return text[next] === ':';
}

/** Whether every text in a parsed value, keys included, is made of whole characters. */
export function isWellFormed(value: unknown): boolean {
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string' && !next.isWellFormed()) return false;
    if (typeof next !== 'object' || next === null) continue;
    if (!Array.isArray(next) && !Object.keys(next).every((key) => key.isWellFormed())) return false;
    const inside: unknown[] = Object.values(next);
    for (const each of inside) open.push(each);
  }
  return true;
}
