// Runs `nibble demo` in a new home and draws what it printed as docs/demo.svg, so that docs/command-line.md shows a real run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCli } from '../fixtures/run-cli.ts';

const COLUMNS = 112;
const CHARACTER_WIDTH = 7.8;
const LINE_HEIGHT = 19;
const MARGIN = 22;

/** Breaks a line between words, as a terminal of this width would be read. */
function wrap(line: string): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > COLUMNS) {
    const space = rest.lastIndexOf(' ', COLUMNS);
    const at = space > COLUMNS / 2 ? space : COLUMNS;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Headings stand out; everything else is as it was printed. */
function draw(line: string, index: number): string {
  const y = MARGIN + 30 + index * LINE_HEIGHT;
  const style = /^(\$|\d\. )/.test(line) ? ' class="heading"' : '';
  return `<text x="${MARGIN}" y="${y}"${style} xml:space="preserve">${escape(line)}</text>`;
}

const home = mkdtempSync(path.join(tmpdir(), 'nibble-picture-'));
try {
  const { code, stdout, stderr } = await runCli(['demo'], { home });
  if (code !== 0) throw new Error(stderr);
  const printed = stdout.replaceAll('\u202f', ' ').trim().split('\n');
  const lines = ['$ npx nibble demo', '', ...printed].flatMap(wrap);
  const width = Math.ceil(COLUMNS * CHARACTER_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN + 24;
  const dots = ['#e5695f', '#e0b04c', '#5fb36a'].map(
    (colour, i) =>
      `<circle cx="${MARGIN + 4 + i * 18}" cy="${MARGIN - 2}" r="5.5" fill="${colour}"/>`,
  );
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Output of nibble demo">`,
    '<style>text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d5dae1}.heading{fill:#5fd0c0;font-weight:600}</style>',
    `<rect width="${width}" height="${height}" rx="10" fill="#171a20"/>`,
    ...dots,
    ...lines.map(draw),
    '</svg>',
    '',
  ].join('\n');
  writeFileSync(fileURLToPath(new URL('../../docs/demo.svg', import.meta.url)), svg);
} finally {
  rmSync(home, { recursive: true, force: true });
}
