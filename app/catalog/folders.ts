import type { Database } from 'better-sqlite3';
import type { Row } from './rows.ts';

/** The folder of the home itself: it was there before all others and always stays. */
export const HOME_FOLDER_ID = 1;

/** A folder of the library, whether its disk is connected or not. */
export interface KnownFolder {
  readonly id: number;
  readonly directory: string;
  readonly isDefault: boolean;
  /** True for the home's own folder, which cannot be taken out. */
  readonly isHome: boolean;
}

function toFolder(row: Row): KnownFolder {
  return {
    id: Number(row['id']),
    directory: String(row['directory']),
    isDefault: row['is_default'] === 1,
    isHome: Number(row['id']) === HOME_FOLDER_ID,
  };
}

/** The folders that checkpoints and artifacts lie in. */
export class FolderTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Makes the home the first folder; where it has moved, the row follows it. */
  ensureHome(directory: string, createdAt: string): void {
    this.#db
      .transaction(() => {
        const home = this.#db
          .prepare<[number], Row>('SELECT * FROM folders WHERE id = ?')
          .get(HOME_FOLDER_ID);
        if (home?.['directory'] === directory) return;
        if (home === undefined)
          this.#db
            .prepare(
              'INSERT INTO folders (id, directory, is_default, created_at) VALUES (?, ?, 1, ?)',
            )
            .run(HOME_FOLDER_ID, directory, createdAt);
        else
          this.#db
            .prepare('UPDATE folders SET directory = ? WHERE id = ?')
            .run(directory, HOME_FOLDER_ID);
      })
      .immediate();
  }

  /** Oldest first, so the home's own comes first. */
  folders(): KnownFolder[] {
    return this.#db.prepare<[], Row>('SELECT * FROM folders ORDER BY id').all().map(toFolder);
  }

  /** @returns null when there is none */
  folder(id: number): KnownFolder | null {
    const row = this.#db.prepare<[number], Row>('SELECT * FROM folders WHERE id = ?').get(id);
    return row === undefined ? null : toFolder(row);
  }

  /** Adds a folder; its id is never given to another one. */
  addFolder(directory: string, createdAt: string): number {
    const { lastInsertRowid } = this.#db
      .prepare('INSERT INTO folders (directory, is_default, created_at) VALUES (?, 0, ?)')
      .run(directory, createdAt);
    return Number(lastInsertRowid);
  }

  /** Takes a folder out together with the rows of `checkpoints` and `artifacts`, in one transaction. */
  removeFolder(
    id: number,
    rows: { readonly checkpoints: readonly string[]; readonly artifacts: readonly string[] },
  ): void {
    const files = this.#db.prepare('DELETE FROM files WHERE owner_kind = ? AND owner_id = ?');
    const checkpoint = this.#db.prepare('DELETE FROM checkpoints WHERE id = ?');
    const artifact = this.#db.prepare('DELETE FROM artifacts WHERE id = ?');
    this.#db.transaction(() => {
      for (const entryId of rows.checkpoints) {
        files.run('checkpoint', entryId);
        checkpoint.run(entryId);
      }
      for (const entryId of rows.artifacts) {
        files.run('artifact', entryId);
        artifact.run(entryId);
      }
      this.#db.prepare('DELETE FROM folders WHERE id = ? AND is_default = 0').run(id);
    })();
  }

  setDefault(id: number): void {
    this.#db.transaction(() => {
      // The index allows one default at any time.
      this.#db.prepare('UPDATE folders SET is_default = 0').run();
      this.#db.prepare('UPDATE folders SET is_default = 1 WHERE id = ?').run(id);
    })();
  }
}
