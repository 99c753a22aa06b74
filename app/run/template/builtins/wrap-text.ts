import { isSpace } from '../text.ts';

export interface WrapOptions {
  readonly width: number;
  readonly breaksWords: boolean;
  readonly breaksHyphens: boolean;
}

/** Words, and the white space between them; words with hyphens in parts where they may break. */
function chunksOf(text: string, breaksHyphens: boolean): string[] {
  const chunks: string[] = [];
  for (const part of text.split(/([ \t\n\v\f\r]+)/)) {
    if (part === '') continue;
    // A hyphen between letters, with two of them before it, is a place to break.
    if (breaksHyphens && !isSpace(part.charAt(0)))
      chunks.push(...part.split(/(?<=[^\d\W][\p{L}\p{N}_'"]*[^\d\W]-)(?=[^\d\W][\p{L}\p{N}_-])/u));
    else chunks.push(part);
  }
  return chunks;
}

/** Lines of a paragraph, as Python's textwrap.wrap with its white space left as it is. */
export function wrapText(
  text: string,
  { width, breaksWords, breaksHyphens }: WrapOptions,
): string[] {
  const lines: string[] = [];
  const chunks = chunksOf(text, breaksHyphens).reverse();
  while (chunks.length > 0) {
    let line = '';
    if (lines.length > 0 && isSpace(chunks.at(-1)?.charAt(0) ?? '')) chunks.pop();
    for (
      let next = chunks.at(-1);
      next !== undefined && line.length + next.length <= width;
      next = chunks.at(-1)
    ) {
      line += next;
      chunks.pop();
    }
    const long = chunks.at(-1);
    if (long !== undefined && long.length > width) {
      const room = breaksWords ? Math.max(1, width - line.length) : line === '' ? long.length : 0;
      if (room > 0) {
        line += long.slice(0, room);
        chunks.pop();
        if (room < long.length) chunks.push(long.slice(room));
      }
    }
    const bare = line.replace(/[ \t\n\v\f\r]+$/, '');
    if (bare !== '') lines.push(bare);
  }
  return lines;
}
