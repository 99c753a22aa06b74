/**
 * Which blocks are shown as they were written. Parsing markdown takes a time that grows with the square (for lists: the
 * cube) of how deeply it is nested, and overflows the stack from about a thousand levels on; a model that repeats itself
 * writes such texts. Limits lie far above what people and models write on purpose; a block at its limit takes a few tenths
 * of a second.
 */
import { closes, openingFence, type Fence } from './markdown-blocks.ts';

/** Letters of a block beside code: a chapter without an empty line. */
const MOST_LETTERS = 20_000;
/** Letters of a block with its code. */
const MOST_LETTERS_WITH_CODE = 200_000;
/** Quotes and lists within each other. */
const MOST_NESTED = 16;
/** Signs of one kind in a paragraph: emphasis, code, and brackets, which all can be nested. */
const MOST_SIGNS = 120;

/** One `>`, list marker or space at the beginning of a line. */
const CONTAINER = /^(?:>|[-*+](?=\s|$)|\d{1,9}[.)](?=\s|$))/;
/** Columns by which a list within a list is indented at least. */
const INDENT = 2;

/** How deeply a line is nested in quotes and lists, and what follows. */
function containersOf(line: string): { readonly depth: number; readonly rest: string } {
  let depth = 0;
  let spaces = 0;
  let at = 0;
  while (at < line.length) {
    const sign = line.charAt(at);
    if (sign === ' ' || sign === '\t') {
      spaces += sign === '\t' ? 2 * INDENT : 1;
      at++;
      continue;
    }
    const marker = CONTAINER.exec(line.slice(at, at + 12))?.[0];
    if (marker === undefined) break;
    // Indentation before a marker may be as many lists.
    depth += 1 + (at === spaces ? Math.floor(spaces / INDENT) : 0);
    spaces = 0;
    at += marker.length;
    if (depth > MOST_NESTED) break;
  }
  return { depth, rest: line.slice(at) };
}

/** Signs of emphasis, code, brackets and cells, each counted for itself. */
function countSigns(text: string): number {
  const most = [/[*_~]+/g, /`+/g, /!?\[/g, /\]/g, /</g, /\|/g].map(
    (sign) => text.match(sign)?.length ?? 0,
  );
  return Math.max(...most);
}

/** Whether a block is too long or too deeply nested to be parsed as markdown. */
export function isBeyondMarkdown(block: string): boolean {
  if (block.length > MOST_LETTERS_WITH_CODE) return true;
  let letters = 0;
  let fence: { readonly fence: Fence; readonly isNested: boolean } | null = null;
  let paragraph = '';
  for (const line of block.split('\n')) {
    const { depth, rest } = containersOf(line);
    if (fence !== null) {
      // A fence in a quote or a list ends with them.
      const leaves = fence.isNested && line.trim() !== '' && depth === 0 && !/^\s/.test(line);
      if (!leaves) {
        if (closes(rest, fence.fence)) fence = null;
        continue;
      }
      fence = null;
    }
    letters += line.length + 1;
    if (depth > MOST_NESTED || letters > MOST_LETTERS) return true;
    const opening = openingFence(rest);
    if (opening !== null) {
      fence = { fence: opening, isNested: depth > 0 || /^\s/.test(line) };
      paragraph = '';
      continue;
    }
    // Rows of a table and items are parsed one by one; other lines go on with the paragraph.
    const goesOn = depth === 0 && rest.trim() !== '' && !rest.startsWith('|');
    paragraph = goesOn ? `${paragraph}\n${rest}` : rest;
    if (countSigns(paragraph) > MOST_SIGNS) return true;
  }
  return false;
}
