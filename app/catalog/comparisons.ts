import type { Database } from 'better-sqlite3';
import {
  comparisonSchema,
  comparisonSummarySchema,
  voteSchema,
  type Comparison,
  type ComparisonSummary,
  type Vote,
} from '../contract/comparison.ts';
import { AppError } from '../contract/error.ts';
import {
  check,
  json,
  readableRows,
  unreadableRows,
  type Row,
  type UnreadableEntry,
} from './rows.ts';

/** One vote and everyone it was cast among; `choice` is null where the person saw no difference. */
export interface Ballot {
  readonly artifactIds: readonly string[];
  readonly choice: string | null;
}

function unknownComparison(id: number): AppError {
  return new AppError('not-found', `There is no comparison ${id}.`, {
    remedy: 'It may have been deleted: open the list of comparisons again.',
  });
}

/** Comparisons and the votes on them. They stay readable when their artifacts are gone. */
export class ComparisonTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  #rows(sql: string, ...params: unknown[]): Row[] {
    return this.#db.prepare<unknown[], Row>(sql).all(...params);
  }

  /** Adds a comparison; its `id` is given by the catalog, and its votes are cast later. */
  add(comparison: Comparison): Comparison {
    return this.#db.transaction((): Comparison => {
      const whole: Comparison = { ...comparison, votes: [] };
      const { lastInsertRowid } = this.#db
        .prepare('INSERT INTO comparisons (prompt, body, created_at) VALUES (?, ?, ?)')
        .run(comparison.prompt, JSON.stringify(whole), comparison.createdAt);
      const id = Number(lastInsertRowid);
      const insert = this.#db.prepare(
        'INSERT INTO comparison_artifacts (comparison_id, position, artifact_id, scheme) VALUES (?, ?, ?, ?)',
      );
      for (const [position, { artifactId, scheme }] of comparison.answers.entries())
        insert.run(id, position, artifactId, scheme);
      return { ...whole, id };
    })();
  }

  /** Newest first; reads no answers. */
  summaries(): ComparisonSummary[] {
    const answers = new Map<unknown, Row[]>();
    for (const row of this.#rows(
      'SELECT comparison_id, artifact_id, scheme FROM comparison_artifacts ORDER BY comparison_id, position',
    )) {
      const id = row['comparison_id'];
      const known = answers.get(id);
      if (known === undefined) answers.set(id, [row]);
      else known.push(row);
    }
    const votes = new Map(
      this.#rows('SELECT comparison_id, count(*) AS votes FROM votes GROUP BY comparison_id').map(
        (row) => [row['comparison_id'], row['votes']],
      ),
    );
    // The date comes from the index and the prompt lies before the body: the bodies' pages are not touched.
    const rows = this.#rows(
      'SELECT id, prompt, created_at FROM comparisons ORDER BY created_at DESC, id DESC',
    );
    return readableRows(rows, (row) => {
      const of = answers.get(row['id']) ?? [];
      return check(
        comparisonSummarySchema,
        {
          id: row['id'],
          prompt: row['prompt'],
          artifactIds: of.map((answer) => answer['artifact_id']),
          schemes: of.map((answer) => answer['scheme']),
          votes: votes.get(row['id']) ?? 0,
          createdAt: row['created_at'],
        },
        'comparisons',
      );
    });
  }

  /** Comparisons that are listed but cannot be opened: a newer Nibble made them, or something damaged them. */
  unreadable(): UnreadableEntry[] {
    const read = (row: Row): unknown =>
      check(comparisonSchema, json(row['body'], 'comparisons'), 'comparisons');
    const rows = this.#rows('SELECT id, prompt AS name, body FROM comparisons ORDER BY id');
    return unreadableRows('comparison', rows, read);
  }

  /** A comparison with its answers and votes. @throws AppError `not-found` */
  get(id: number): Comparison {
    const row = this.#db
      .prepare<[number], Row>('SELECT body FROM comparisons WHERE id = ?')
      .get(id);
    if (row === undefined) throw unknownComparison(id);
    const body = check(comparisonSchema, json(row['body'], 'comparisons'), 'comparisons');
    return { ...body, id, votes: this.#votesOn(id) };
  }

  #votesOn(id: number): Vote[] {
    return this.#rows(
      'SELECT artifact_id, blind, created_at FROM votes WHERE comparison_id = ? ORDER BY id',
      id,
    ).map((row) =>
      check(
        voteSchema,
        {
          artifactId: row['artifact_id'],
          blind: row['blind'] === 1,
          createdAt: row['created_at'],
        },
        'votes',
      ),
    );
  }

  /** @throws AppError `not-found` */
  remove(id: number): void {
    const { changes } = this.#db.prepare('DELETE FROM comparisons WHERE id = ?').run(id);
    if (changes === 0) throw unknownComparison(id);
  }

  /**
   * Keeps a vote on a comparison.
   *
   * @throws AppError `not-found` where there is no such comparison, `invalid-input` where that artifact did not answer in it
   */
  addVote(id: number, vote: Vote): void {
    this.#db
      .transaction(() => {
        const answered = this.#rows(
          'SELECT artifact_id FROM comparison_artifacts WHERE comparison_id = ?',
          id,
        ).map((row) => String(row['artifact_id']));
        if (answered.length === 0) throw unknownComparison(id);
        if (vote.artifactId !== null && !answered.includes(vote.artifactId))
          throw new AppError(
            'invalid-input',
            `${vote.artifactId} did not answer in comparison ${id}, so it cannot be voted for.`,
            { remedy: `Vote for one of ${answered.join(', ')}.` },
          );
        this.#db
          .prepare(
            'INSERT INTO votes (comparison_id, artifact_id, blind, created_at) VALUES (?, ?, ?, ?)',
          )
          .run(id, vote.artifactId, vote.blind ? 1 : 0, vote.createdAt);
      })
      .immediate();
  }

  /** Every vote that was ever cast, oldest first. */
  ballots(): Ballot[] {
    const artifactIds = new Map<unknown, string[]>();
    for (const row of this.#rows(
      `SELECT comparison_id, artifact_id FROM comparison_artifacts
       WHERE comparison_id IN (SELECT comparison_id FROM votes) ORDER BY comparison_id, position`,
    )) {
      const id = row['comparison_id'];
      const artifactId = String(row['artifact_id']);
      const known = artifactIds.get(id);
      if (known === undefined) artifactIds.set(id, [artifactId]);
      else known.push(artifactId);
    }
    return this.#rows('SELECT comparison_id, artifact_id FROM votes ORDER BY id').map((row) => ({
      artifactIds: artifactIds.get(row['comparison_id']) ?? [],
      choice: typeof row['artifact_id'] === 'string' ? row['artifact_id'] : null,
    }));
  }
}
