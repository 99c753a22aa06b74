import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';

interface ArtifactRow {
  readonly id: string;
  readonly weights_sha256: string;
  readonly output_layer_copy: string;
}

/**
 * How the check of the weights behind an answer ended, and which weights were measured.
 *
 * The copy of the output layer takes part in answers, and from now on in the fingerprint: that of artifacts with a copy
 * is made from the two recorded hashes. What was said and measured before keeps the name that it was given.
 */
export function migrateTo90(db: Database): void {
  db.exec(`
    ALTER TABLE messages ADD COLUMN weights_check TEXT
      CHECK (weights_check IN ('verified', 'checking', 'unverified'));
    ALTER TABLE evaluations ADD COLUMN weights_sha256 TEXT CHECK (length(weights_sha256) = 64);
    ALTER TABLE evaluations ADD COLUMN reference_weights_sha256 TEXT
      CHECK (length(reference_weights_sha256) = 64);
  `);
  const update = db.prepare('UPDATE artifacts SET weights_sha256 = ? WHERE id = ?');
  const rows = db
    .prepare<[], ArtifactRow>(
      'SELECT id, weights_sha256, output_layer_copy FROM artifacts WHERE output_layer_copy IS NOT NULL',
    )
    .all();
  for (const { id, weights_sha256, output_layer_copy } of rows) {
    const copy: unknown = JSON.parse(output_layer_copy);
    if (typeof copy !== 'object' || copy === null || !('sha256' in copy)) continue;
    const lines = `${weights_sha256}  model.safetensors\n${String(copy.sha256)}  runtime.safetensors\n`;
    update.run(createHash('sha256').update(lines).digest('hex'), id);
  }
}
