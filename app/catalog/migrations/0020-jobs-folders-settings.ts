import type { Database } from 'better-sqlite3';

/** Jobs, the folders of the library, removals that are under way, and settings. */
export function migrateTo20(db: Database): void {
  db.exec(`
    CREATE TABLE jobs (
      -- AUTOINCREMENT: a window may still hold the id of a job that was forgotten.
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      request TEXT NOT NULL CHECK (json_valid(request)),
      subject TEXT NOT NULL,
      state TEXT NOT NULL CHECK (
        state IN ('queued', 'running', 'paused', 'interrupted', 'failed', 'cancelled', 'done')
      ),
      steps TEXT NOT NULL CHECK (json_valid(steps)),
      waits_for_disk INTEGER NOT NULL CHECK (waits_for_disk IN (0, 1)),
      error TEXT CHECK (error IS NULL OR json_valid(error)),
      checkpoint_id TEXT,
      artifact_ids TEXT NOT NULL CHECK (json_valid(artifact_ids)),
      files TEXT CHECK (files IS NULL OR json_valid(files)),
      -- The engine that has it queued or running; nobody's otherwise.
      owner TEXT CHECK ((owner IS NOT NULL) = (state IN ('queued', 'running'))),
      created_at TEXT NOT NULL,
      ended_at TEXT
    ) STRICT;
    CREATE INDEX jobs_by_owner ON jobs (owner) WHERE owner IS NOT NULL;

    -- Folders that a job works in before they are finished: what discarding it deletes.
    CREATE TABLE job_places (
      job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
      directory TEXT NOT NULL,
      kind TEXT NOT NULL CHECK (kind IN ('download', 'artifact')),
      PRIMARY KEY (job_id, directory)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE folders (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      directory TEXT NOT NULL UNIQUE,
      is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),
      created_at TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX one_default_folder ON folders (is_default) WHERE is_default = 1;

    -- Written before files go to the trash, deleted with the row: after a crash it tells that the row must follow.
    CREATE TABLE removals (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL CHECK (kind IN ('checkpoint', 'artifact')),
      directory TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE settings (
      name TEXT PRIMARY KEY,
      value TEXT NOT NULL CHECK (json_valid(value))
    ) STRICT, WITHOUT ROWID;
  `);
}
