import { existsSync, statfsSync } from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import type { Database } from 'better-sqlite3';
import { AppError, toAppError } from '../contract/error.ts';
import { migrations, type Migration } from './migrations/index.ts';

/** How long a write waits for another process' write before it gives up, in ms: longer than any of our transactions. */
const BUSY_TIMEOUT_MS = 10_000;

function versionOf(db: Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/**
 * Brings a database up to the newest version, each step in a transaction of its own together with its version.
 *
 * @throws AppError 'catalog-corrupt' when the file was written by a newer Nibble
 */
export function migrate(db: Database, steps: readonly Migration[] = migrations): void {
  const newest = steps.at(-1)?.version ?? 0;
  const found = versionOf(db);
  if (found > newest)
    throw new AppError(
      'catalog-corrupt',
      `The catalog ${db.name} was written by a newer version of Nibble (catalog version ${found}, this one knows ${newest}).`,
      { remedy: 'Update Nibble, or choose another folder with --home.' },
    );
  for (const step of steps) {
    if (step.version <= found) continue;
    db.transaction(() => {
      // Another process may have done this step while we waited for the lock.
      if (versionOf(db) >= step.version) return;
      step.migrate(db);
      db.pragma(`user_version = ${step.version}`);
    }).immediate();
  }
}

/** Less is no room for a page of the catalog and its journal. */
const LEAST_ROOM_BYTES = 256 * 1024;

function isFull(file: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path.dirname(file));
    return bavail * bsize < LEAST_ROOM_BYTES;
  } catch {
    return false;
  }
}

/**
 * Keeps a catalog as it is before a newer Nibble changes it, under `<file>.v<version>.backup`: the way back to the Nibble
 * that wrote it. One that is new, or that was kept before, needs none.
 */
function keepBackup(db: Database, file: string): void {
  const found = versionOf(db);
  if (found === 0 || found >= (migrations.at(-1)?.version ?? 0)) return;
  const backup = `${file}.v${found}.backup`;
  if (existsSync(backup)) return;
  try {
    db.prepare('VACUUM INTO ?').run(backup);
  } catch (error) {
    // Another process, started at the same time, keeps it.
    if (!existsSync(backup)) throw error;
  }
}

/** Turns SQLite's own errors into ours; everything else passes. */
export function toCatalogError(error: unknown, file: string): AppError {
  if (error instanceof Sqlite.SqliteError) {
    // Some of what SQLite does for its journal fails as an error of the disk where there is no room.
    if (error.code === 'SQLITE_FULL' || (error.code.startsWith('SQLITE_IOERR') && isFull(file)))
      return new AppError('disk-full', `There is no room to write the catalog ${file}.`, {
        remedy: 'Free some space on that disk, then run the same command again.',
        cause: error,
      });
    if (/^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)$/.test(error.code))
      return new AppError('busy', 'Another Nibble has just put the same into the catalog.', {
        remedy: 'Run the same command again.',
        cause: error,
      });
    if (error.code.startsWith('SQLITE_BUSY'))
      return new AppError('busy', `Another Nibble is writing the catalog ${file}.`, {
        remedy: 'Wait until it is done, then run the same command again.',
        cause: error,
      });
    if (/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/.test(error.code))
      return new AppError(
        'permission-denied',
        `The catalog ${file} cannot be opened for writing.`,
        {
          remedy: 'Check the permissions of that folder, or choose another with --home.',
          cause: error,
        },
      );
    if (/^SQLITE_(CORRUPT|NOTADB)/.test(error.code))
      return new AppError('catalog-corrupt', `The catalog ${file} is damaged: ${error.message}.`, {
        remedy:
          'Move that file away (the models stay where they are) and run the command again; quantizing them again finds what is there.',
        cause: error,
      });
  }
  return toAppError(error);
}

/** Opens (or creates) the file, sets it up and migrates it. Throws AppError; never deletes anything. */
export function openDatabase(file: string): Database {
  let db: Database | null = null;
  try {
    db = new Sqlite(file, { timeout: BUSY_TIMEOUT_MS });
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('foreign_keys = ON');
    keepBackup(db, file);
    migrate(db);
    return db;
  } catch (error) {
    db?.close();
    throw toCatalogError(error, file);
  }
}
