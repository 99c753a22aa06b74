import type { Database } from 'better-sqlite3';

/** What the file system said of a file when its row was written; null for rows from before it was asked. */
export function migrateTo100(db: Database): void {
  db.exec('ALTER TABLE files ADD COLUMN state TEXT CHECK (json_valid(state));');
}
