import type { Database } from 'better-sqlite3';

/** Checkpoints, artifacts, tensors, evaluations, conversations and comparisons. */
export function migrateTo10(db: Database): void {
  db.exec(`
    CREATE TABLE checkpoints (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      directory TEXT NOT NULL UNIQUE,
      repository TEXT,
      revision TEXT,
      commit_hash TEXT,
      endpoint TEXT,
      architecture TEXT NOT NULL,
      parameters INTEGER NOT NULL CHECK (parameters >= 0),
      size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
      license TEXT,
      owned INTEGER NOT NULL CHECK (owned IN (0, 1)),
      created_at TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX checkpoints_by_origin ON checkpoints (endpoint, repository, commit_hash);

    CREATE TABLE artifacts (
      id TEXT PRIMARY KEY,
      -- An artifact is whole without its checkpoint: the row stays when the checkpoint is removed.
      checkpoint_id TEXT NOT NULL,
      name TEXT NOT NULL,
      scheme TEXT NOT NULL,
      block_size INTEGER,
      directory TEXT NOT NULL UNIQUE,
      architecture TEXT NOT NULL,
      size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
      weights_bytes INTEGER NOT NULL CHECK (weights_bytes > 0),
      source_bytes INTEGER NOT NULL CHECK (source_bytes > 0),
      weights_sha256 TEXT NOT NULL CHECK (length(weights_sha256) = 64),
      totals TEXT NOT NULL CHECK (json_valid(totals)),
      quantize_ms REAL NOT NULL,
      created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX artifacts_by_checkpoint ON artifacts (checkpoint_id, scheme, block_size);

    CREATE TABLE files (
      owner_kind TEXT NOT NULL CHECK (owner_kind IN ('checkpoint', 'artifact')),
      owner_id TEXT NOT NULL,
      name TEXT NOT NULL,
      size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
      sha256 TEXT CHECK (sha256 IS NULL OR length(sha256) = 64),
      PRIMARY KEY (owner_kind, owner_id, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE tensors (
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
      rms_error REAL NOT NULL,
      relative_error REAL NOT NULL,
      max_error REAL NOT NULL,
      sqnr_db REAL,
      cosine REAL NOT NULL,
      sha256 TEXT NOT NULL,
      PRIMARY KEY (artifact_id, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tensors_in_order ON tensors (artifact_id, position);

    CREATE TABLE evaluations (
      id INTEGER PRIMARY KEY,
      artifact_id TEXT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
      reference_id TEXT,
      text_name TEXT NOT NULL,
      text_sha256 TEXT NOT NULL,
      tokens INTEGER NOT NULL,
      window_tokens INTEGER NOT NULL,
      mode TEXT NOT NULL CHECK (mode IN ('fast', 'exact')),
      perplexity REAL NOT NULL,
      perplexity_error REAL NOT NULL,
      mean_kl REAL,
      p99_kl REAL,
      top_agreement REAL,
      created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX evaluations_by_artifact ON evaluations (artifact_id, created_at);

    CREATE TABLE conversations (
      id INTEGER PRIMARY KEY,
      artifact_id TEXT NOT NULL,
      title TEXT NOT NULL,
      sampling TEXT NOT NULL CHECK (json_valid(sampling)),
      created_at TEXT NOT NULL,
      updated_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX conversations_by_update ON conversations (updated_at);

    CREATE TABLE messages (
      conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
      content TEXT NOT NULL,
      PRIMARY KEY (conversation_id, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE comparisons (
      id INTEGER PRIMARY KEY,
      prompt TEXT NOT NULL,
      body TEXT NOT NULL CHECK (json_valid(body)),
      created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX comparisons_by_date ON comparisons (created_at);

    CREATE TABLE comparison_artifacts (
      comparison_id INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      artifact_id TEXT NOT NULL,
      PRIMARY KEY (comparison_id, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX comparisons_of_artifact ON comparison_artifacts (artifact_id);
  `);
}
