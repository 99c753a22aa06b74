import type { Database } from 'better-sqlite3';
import { z } from 'zod';
import type { Evaluation } from '../contract/checkpoint.ts';
import { AppError } from '../contract/error.ts';
import {
  messageSchema,
  samplingSchema,
  type Message,
  type Sampling,
} from '../contract/sampling.ts';
import { check, toEvaluation, type Row } from './rows.ts';

export interface Conversation {
  readonly id: number;
  readonly artifactId: string;
  readonly title: string;
  readonly sampling: Sampling;
  readonly messages: readonly Message[];
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Evaluations and conversations: what was learned about the models. */
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
           perplexity, perplexity_error, mean_kl, p99_kl, top_agreement, created_at)
         VALUES (@artifactId, @referenceId, @textName, @textSha256, @tokens, @windowTokens, @mode,
           @perplexity, @perplexityError, @meanKl, @p99Kl, @topAgreement, @createdAt)`,
      )
      .run(evaluation);
    return { ...evaluation, id: Number(lastInsertRowid) };
  }

  /** Newest first. */
  evaluations(artifactId: string): Evaluation[] {
    return this.#db
      .prepare<[string], Row>(
        'SELECT * FROM evaluations WHERE artifact_id = ? ORDER BY created_at DESC, id DESC',
      )
      .all(artifactId)
      .map(toEvaluation);
  }

  /** Adds a conversation, or replaces the messages of the one with this id. Returns its id. */
  saveConversation(conversation: {
    readonly id: number | null;
    readonly artifactId: string;
    readonly title: string;
    readonly sampling: Sampling;
    readonly messages: readonly Message[];
    readonly now: string;
  }): number {
    return this.#db.transaction((): number => {
      const { artifactId, title, now } = conversation;
      const sampling = JSON.stringify(conversation.sampling);
      let id = conversation.id;
      if (id === null) {
        const { lastInsertRowid } = this.#db
          .prepare(
            'INSERT INTO conversations (artifact_id, title, sampling, created_at, updated_at) VALUES (?, ?, ?, ?, ?)',
          )
          .run(artifactId, title, sampling, now, now);
        id = Number(lastInsertRowid);
      } else {
        const { changes } = this.#db
          .prepare(
            'UPDATE conversations SET artifact_id = ?, title = ?, sampling = ?, updated_at = ? WHERE id = ?',
          )
          .run(artifactId, title, sampling, now, id);
        if (changes === 0) throw new AppError('not-found', `There is no conversation ${id}.`);
        this.#db.prepare('DELETE FROM messages WHERE conversation_id = ?').run(id);
      }
      const insert = this.#db.prepare(
        'INSERT INTO messages (conversation_id, position, role, content) VALUES (?, ?, ?, ?)',
      );
      for (const [position, message] of conversation.messages.entries())
        insert.run(id, position, message.role, message.content);
      return id;
    })();
  }

  /** @returns null when there is none */
  conversation(id: number): Conversation | null {
    const row = this.#db.prepare<[number], Row>('SELECT * FROM conversations WHERE id = ?').get(id);
    return row === undefined ? null : this.#toConversation(row);
  }

  /** Last changed first. */
  conversations(): Conversation[] {
    return this.#db
      .prepare<[], Row>('SELECT * FROM conversations ORDER BY updated_at DESC, id DESC')
      .all()
      .map((row) => this.#toConversation(row));
  }

  #toConversation(row: Row): Conversation {
    const messages = this.#db
      .prepare<[unknown], Row>(
        'SELECT role, content FROM messages WHERE conversation_id = ? ORDER BY position',
      )
      .all(row['id']);
    return {
      id: Number(row['id']),
      artifactId: String(row['artifact_id']),
      title: String(row['title']),
      sampling: check(samplingSchema, JSON.parse(String(row['sampling'])), 'conversations'),
      messages: check(z.array(messageSchema), messages, 'messages'),
      createdAt: String(row['created_at']),
      updatedAt: String(row['updated_at']),
    };
  }
}
