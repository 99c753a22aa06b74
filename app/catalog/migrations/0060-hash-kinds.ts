import type { Database } from 'better-sqlite3';

/** What kind of hash a file has; until now all were of the file's bytes in order. */
export function migrateTo60(db: Database): void {
  db.exec(`
    ALTER TABLE files ADD COLUMN hash_kind TEXT NOT NULL DEFAULT 'sha256'
      CHECK (hash_kind IN ('sha256', 'sha256-tensors-1'));
  `);
}
