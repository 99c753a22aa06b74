import type { Database } from 'better-sqlite3';

/** What kept the context while a model was measured; until now always the mode's own type, which null says. */
export function migrateTo70(db: Database): void {
  db.exec(`
    ALTER TABLE evaluations ADD COLUMN cache_type TEXT CHECK (cache_type IN ('f32', 'f16', 'int8'));
  `);
}
