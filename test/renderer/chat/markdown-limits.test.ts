import { describe, expect, it } from 'vitest';
import { isBeyondMarkdown } from '../../../renderer/views/chat/markdown/markdown-limits.ts';

/** Texts as a model that repeats itself writes them; `n`: how often. */
const endless: Readonly<Record<string, (n: number) => string>> = {
  quotes: (n) => `${'> '.repeat(n)}x`,
  'quotes without spaces': (n) => `${'>'.repeat(n)}x`,
  'lists in a line': (n) => `${'- '.repeat(n)}x`,
  'numbered lists in a line': (n) => `${'1. '.repeat(n)}x`,
  'lists by indentation': (n) =>
    Array.from({ length: n }, (_, i) => `${'  '.repeat(i)}- x`).join('\n'),
  'quotes of lists': (n) => `${'> - '.repeat(n)}x`,
  brackets: (n) => `${'['.repeat(n)}x${']'.repeat(n)}`,
  'brackets that stay open': (n) => '['.repeat(n),
  links: (n) => `${'['.repeat(n)}x${'](y)'.repeat(n)}`,
  images: (n) => `${'!['.repeat(n)}x${'](y)'.repeat(n)}`,
  emphasis: (n) => `${'*a '.repeat(n)}b${'*'.repeat(n)}`,
  'two kinds of emphasis': (n) => `${'*a _b '.repeat(n)}x`,
  'emphasis over lines': (n) => '*a\n'.repeat(n),
  'struck out': (n) => `${'~~a '.repeat(n)}b${'~~ '.repeat(n)}`,
  'code signs': (n) => Array.from({ length: n }, (_, i) => '`'.repeat((i % 300) + 1)).join(' '),
  cells: (n) => `${'|a'.repeat(n)}|\n${'|-'.repeat(n)}|`,
  'a fence that a quote ends': (n) => `> \`\`\`\n${'['.repeat(n)}`,
};

describe('markdown that is not parsed', () => {
  for (const [name, text] of Object.entries(endless))
    it(`has 3,000 ${name}`, () => {
      expect(isBeyondMarkdown(text(3000))).toBe(true);
      expect(isBeyondMarkdown(text(4))).toBe(false);
    });

  it('is longer than a chapter', () => {
    expect(isBeyondMarkdown('word '.repeat(5000))).toBe(true);
    expect(isBeyondMarkdown(`\`\`\`\n${'word '.repeat(5000)}\n\`\`\``)).toBe(false);
    expect(isBeyondMarkdown('word '.repeat(2000))).toBe(false);
  });

  it('is not what models write: long lists, tables, code full of signs', () => {
    const list = Array.from({ length: 300 }, (_, i) => `${i + 1}. **Name**: _what_ it is [x](y)`);
    expect(isBeyondMarkdown(list.join('\n'))).toBe(false);
    const rows = Array.from({ length: 300 }, () => '| **a** | `b` | _c_ |');
    expect(isBeyondMarkdown(['| a | b | c |', '|---|---|---|', ...rows].join('\n'))).toBe(false);
    expect(isBeyondMarkdown(`\`\`\`js\n${'a[b[c]]*'.repeat(2000)}\n\`\`\``)).toBe(false);
    expect(isBeyondMarkdown(`- x\n  \`\`\`js\n  ${'[['.repeat(2000)}\n  \`\`\`\n- y`)).toBe(false);
    const deep = Array.from({ length: 6 }, (_, i) => `${'    '.repeat(i)}- x`).join('\n');
    expect(isBeyondMarkdown(deep)).toBe(false);
  });
});
