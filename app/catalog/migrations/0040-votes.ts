import type { Database } from 'better-sqlite3';

/** Votes on comparisons, and the schemes beside their artifacts, so that a list need not read whole answers. */
export function migrateTo40(db: Database): void {
  db.exec(`
    ALTER TABLE comparison_artifacts ADD COLUMN scheme TEXT;
    UPDATE comparison_artifacts SET scheme = (
      SELECT json_extract(body, '$.answers[' || position || '].scheme')
      FROM comparisons WHERE id = comparison_id
    );

    CREATE TABLE votes (
      id INTEGER PRIMARY KEY,
      comparison_id INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
      -- Null: no difference.
      artifact_id TEXT,
      blind INTEGER NOT NULL CHECK (blind IN (0, 1)),
      created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX votes_of_comparison ON votes (comparison_id);
  `);
}
