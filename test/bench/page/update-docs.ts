import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { recordFolder } from '../options.ts';
import { readResults } from './read-results.ts';
import { renderSpeedPage } from './speed-page.ts';

/** Writes docs/speed.md and its pictures from the results in docs/benchmarks; returns the page's path. */
export function updateDocs(): string {
  const docs = path.dirname(recordFolder);
  mkdirSync(recordFolder, { recursive: true });
  const page = renderSpeedPage(readResults(recordFolder));
  for (const name of readdirSync(recordFolder))
    if (name.endsWith('.svg')) rmSync(path.join(recordFolder, name));
  for (const [file, text] of page) writeFileSync(path.join(docs, file), text);
  return path.join(docs, 'speed.md');
}
