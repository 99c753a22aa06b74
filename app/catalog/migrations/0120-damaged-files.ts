import type { Database } from 'better-sqlite3';

/**
 * Files that were found to be something else than what was recorded, or gone. They are known until the model is checked
 * again as a whole or leaves the catalog, whichever way its row goes. What the newest finished check of each model had
 * found is taken over from the jobs, which a person can clear.
 */
export function migrateTo120(db: Database): void {
  db.exec(`
    CREATE TABLE damaged_files (
      owner_kind TEXT NOT NULL CHECK (owner_kind IN ('checkpoint', 'artifact')),
      owner_id TEXT NOT NULL,
      name TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('changed', 'missing')),
      found_by TEXT NOT NULL CHECK (found_by IN ('verify', 'use')),
      found_at TEXT NOT NULL,
      PRIMARY KEY (owner_kind, owner_id, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER damaged_artifact_removed AFTER DELETE ON artifacts BEGIN
      DELETE FROM damaged_files WHERE owner_kind = 'artifact' AND owner_id = old.id;
    END;
    CREATE TRIGGER damaged_checkpoint_removed AFTER DELETE ON checkpoints BEGIN
      DELETE FROM damaged_files WHERE owner_kind = 'checkpoint' AND owner_id = old.id;
    END;

    INSERT OR IGNORE INTO damaged_files (owner_kind, owner_id, name, state, found_by, found_at)
      SELECT entries.kind, entries.id, file.value ->> 'name', file.value ->> 'state', 'verify', jobs.ended_at
      FROM (
        SELECT 'artifact' AS kind, id, created_at FROM artifacts
        UNION ALL SELECT 'checkpoint', id, created_at FROM checkpoints
      ) AS entries
      JOIN jobs ON jobs.id = (
        SELECT max(id) FROM jobs
        WHERE request ->> 'kind' = 'verify' AND request ->> 'id' = entries.id
          AND state = 'done' AND files IS NOT NULL AND ended_at >= entries.created_at
      ), json_each(jobs.files) AS file
      WHERE file.value ->> 'state' IN ('changed', 'missing');
  `);
}
