/**
 * A long answer is parsed block by block, so that a new token parses the last block anew and not the whole answer.
 * A block ends at a blank line outside of a fence, unless what follows still belongs to the same list.
 */

/** A fence: at most three spaces, then three or more of one sign. */
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const LIST_ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)/;
/** Lines that still belong to a list item after a blank line. */
const INDENTED = /^(?: {2,}|\t)/;
/** A link or footnote defined in one place is used in another: such a text stays whole. */
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:\s/m;

export interface Fence {
  readonly sign: string;
  readonly length: number;
}

/** The fence that a line opens; null for any other line. */
export function openingFence(line: string): Fence | null {
  const match = FENCE.exec(line);
  const [, signs = '', info = ''] = match ?? [];
  // An info string with a backtick is inline code, not a fence.
  if (match === null || (signs.startsWith('`') && info.includes('`'))) return null;
  return { sign: signs.charAt(0), length: signs.length };
}

/** Whether a line ends what the fence holds. */
export function closes(line: string, fence: Fence): boolean {
  const [, signs = '', rest = ''] = FENCE.exec(line) ?? [];
  return signs.startsWith(fence.sign) && signs.length >= fence.length && rest.trim() === '';
}

/**
 * Splits markdown into parts that parse to the same as the whole. Text that is appended changes the last part or adds
 * new ones, and leaves those before it as they are.
 */
export function splitBlocks(text: string): string[] {
  if (DEFINITION.test(text)) return [text];
  const blocks: string[] = [];
  let block: string[] = [];
  let fence: Fence | null = null;
  let isList = false;
  let afterBlank = false;
  const end = (): void => {
    while (block.at(-1)?.trim() === '') block.pop();
    if (block.length > 0) blocks.push(block.join('\n'));
    block = [];
  };
  for (const line of text.split(/\r\n?|\n/)) {
    if (fence !== null) {
      block.push(line);
      if (closes(line, fence)) fence = null;
      continue;
    }
    if (line.trim() === '') {
      afterBlank = true;
      // Blank lines before a block mean nothing; within one they part the items of a list.
      if (block.length > 0) block.push(line);
      continue;
    }
    const belongs = isList && (LIST_ITEM.test(line) || INDENTED.test(line));
    if (afterBlank && !belongs) end();
    if (block.length === 0) isList = LIST_ITEM.test(line);
    block.push(line);
    afterBlank = false;
    // A fence inside of a list item is indented further than one at the margin; both hold blank lines.
    fence = openingFence(isList ? line.replace(/^\s+/, '') : line);
  }
  end();
  return blocks;
}
