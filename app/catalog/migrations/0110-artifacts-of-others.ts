import type { Database } from 'better-sqlite3';

/** Artifacts that another program made: where their records are kept, and tensors whose errors nobody measured. */
export function migrateTo110(db: Database): void {
  db.exec(`
    ALTER TABLE artifacts ADD COLUMN records_directory TEXT;

    CREATE TABLE tensors_anew (
      artifact_id TEXT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      name TEXT NOT NULL,
      dtype TEXT NOT NULL,
      shape TEXT NOT NULL CHECK (json_valid(shape)),
      treatment TEXT NOT NULL CHECK (treatment IN ('quantized', 'kept')),
      reason TEXT,
      block_size INTEGER,
      numel INTEGER NOT NULL,
      stored_bytes INTEGER NOT NULL,
      bits_per_weight REAL NOT NULL,
      rms_error REAL,
      relative_error REAL,
      max_error REAL,
      sqnr_db REAL,
      cosine REAL,
      sha256 TEXT NOT NULL,
      PRIMARY KEY (artifact_id, name)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO tensors_anew
      SELECT artifact_id, position, name, dtype, shape, treatment, reason, block_size, numel, stored_bytes,
        bits_per_weight, rms_error, relative_error, max_error, sqnr_db, cosine, sha256 FROM tensors;
    DROP TABLE tensors;
    ALTER TABLE tensors_anew RENAME TO tensors;
    CREATE INDEX tensors_in_order ON tensors (artifact_id, position);
  `);
}
