import type { Database } from 'better-sqlite3';
import type { Evaluation } from '../contract/checkpoint.ts';
import { readableRows, toEvaluation, type Row } from './rows.ts';

/** Evaluations: what was learned about the models. */
export class RecordTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Adds an evaluation; its `id` is given by the catalog. */
  addEvaluation(evaluation: Omit<Evaluation, 'id'>): Evaluation {
    const { lastInsertRowid } = this.#db
      .prepare(
        `INSERT INTO evaluations (artifact_id, reference_id, text_name, text_sha256, tokens, window_tokens, mode,
           cache_type, weights_sha256, reference_weights_sha256,
           perplexity, perplexity_error, mean_kl, p99_kl, top_agreement, created_at)
         VALUES (@artifactId, @referenceId, @textName, @textSha256, @tokens, @windowTokens, @mode,
           @cacheType, @weightsSha256, @referenceWeightsSha256,
           @perplexity, @perplexityError, @meanKl, @p99Kl, @topAgreement, @createdAt)`,
      )
      .run(evaluation);
    return { ...evaluation, id: Number(lastInsertRowid) };
  }

  /** Newest first. */
  evaluations(artifactId: string): Evaluation[] {
    const rows = this.#db
      .prepare<[string], Row>(
        'SELECT * FROM evaluations WHERE artifact_id = ? ORDER BY created_at DESC, id DESC',
      )
      .all(artifactId);
    return readableRows(rows, toEvaluation);
  }
}
