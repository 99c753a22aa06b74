// What a home looks like after a command, so that two of them can be compared.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Files that tell times, or that only have to be there. */
const VOLATILE = /(?:^catalog\.sqlite|\.nibble-download\.json$|^\.reserve$|key$|\.json$)/;

/** The catalog's journal is there or not as SQLite pleases; what was hashed in the background, as there was time. */
const COMES_AND_GOES = /^catalog\.sqlite-|nibble-weights\.json$/;

function digestOf(file: string, name: string): string {
  if (path.basename(name) === 'nibble.json') {
    // The fingerprint of the job holds when the checkpoint's files were written.
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    return JSON.stringify({ ...manifest, elapsedMs: null, fingerprint: null });
  }
  if (name.startsWith('artifacts/') || name.startsWith('checkpoints/')) {
    if (path.basename(name).startsWith('.nibble')) return 'there';
  } else if (VOLATILE.test(name)) return 'there';
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Every file of a home by name, with what has to be equal. */
export function filesOf(home: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(home, file).split(path.sep).join('/');
    if (!COMES_AND_GOES.test(name)) files.set(name, digestOf(file, name));
  }
  return files;
}

/** Where two texts part; nothing of hashes. */
function firstDifference(expected: string, found: string): string {
  if (expected.length <= 64) return '';
  let at = 0;
  while (at < expected.length && expected[at] === found[at]) at++;
  return `: ${expected.slice(Math.max(0, at - 30), at + 30)} became ${found.slice(Math.max(0, at - 30), at + 30)}`;
}

/** What differs between two homes, in words. */
export function differences(
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): string[] {
  const lines: string[] = [];
  for (const [name, digest] of expected)
    if (!found.has(name)) lines.push(`${name} is missing`);
    else if (found.get(name) !== digest)
      lines.push(`${name} has other bytes${firstDifference(digest, found.get(name) ?? '')}`);
  for (const name of found.keys()) if (!expected.has(name)) lines.push(`${name} is left over`);
  return lines;
}

/** What SQLite finds wrong with the catalog of a home. */
export function catalogProblems(home: string): string[] {
  const database = new DatabaseSync(path.join(home, 'catalog.sqlite'));
  try {
    const rows = database.prepare('PRAGMA integrity_check').all();
    const words = rows.map((row) => String(row['integrity_check']));
    const broken = database.prepare('PRAGMA foreign_key_check').all().length;
    const streaming = database
      .prepare("SELECT count(*) AS n FROM messages WHERE state = 'streaming'")
      .get();
    return [
      ...words.filter((word) => word !== 'ok'),
      ...(broken === 0 ? [] : [`${broken} rows refer to what is not there`]),
      ...(streaming?.['n'] === 0 ? [] : ['an answer is still being written by nobody']),
    ];
  } finally {
    database.close();
  }
}

/** Processes that work on a home, by the environment that Nibble gives them. Linux only; elsewhere none is found. */
export function processesOn(home: string): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8')
          .split('\0')
          .includes(`NIBBLE_HOME=${home}`);
      } catch {
        return false;
      }
    });
}
