import type { Database } from 'better-sqlite3';
import type {
  Conversation,
  ConversationMessage,
  ConversationSettings,
  ConversationSummary,
} from '../contract/conversation.ts';
import type { WeightsCheck } from '../contract/weights-check.ts';
import { AppError } from '../contract/error.ts';
import { DEFAULT_MAX_TOKENS, type Message, type Sampling } from '../contract/sampling.ts';
import { toConversation, toMessage, toSummary } from './conversation-rows.ts';
import { readableRows, type Row } from './rows.ts';
import { searchQuery } from './search-query.ts';

/** Words around a hit: about a line and a half. */
const EXCERPT_WORDS = 20;

const COUNT =
  '(SELECT count(*) FROM messages WHERE conversation_id = conversations.id) AS messages';

/** The list as the index `conversations_shown` gives it, without sorting. */
export const LIST_SQL = `
  SELECT id, title, artifact_id, updated_at, ${COUNT}, NULL AS excerpt
  FROM conversations WHERE deleted_at IS NULL ORDER BY updated_at DESC, id DESC`;

/** One row per conversation: its newest message that matches, or its title. */
export const SEARCH_SQL = `
  WITH hits AS (
    SELECT messages.conversation_id AS id, max(messages.id) AS message_id
    FROM message_search JOIN messages ON messages.id = message_search.rowid
    WHERE message_search MATCH @query GROUP BY messages.conversation_id
    UNION ALL
    SELECT rowid, NULL FROM title_search WHERE title_search MATCH @query
  ), found AS (SELECT id, max(message_id) AS message_id FROM hits GROUP BY id)
  SELECT conversations.id, title, artifact_id, updated_at, ${COUNT}, CASE
    WHEN message_id IS NULL THEN (
      SELECT highlight(title_search, 0, char(8296), char(8297)) FROM title_search
      WHERE title_search MATCH @query AND rowid = found.id)
    ELSE (
      SELECT snippet(message_search, 0, char(8296), char(8297), '…', ${EXCERPT_WORDS}) FROM message_search
      WHERE message_search MATCH @query AND rowid = found.message_id)
    END AS excerpt
  FROM found JOIN conversations ON conversations.id = found.id
  WHERE deleted_at IS NULL ORDER BY updated_at DESC, conversations.id DESC`;

/** A message to add; the catalog gives the id. */
export type NewMessage = Omit<ConversationMessage, 'id'>;

/** How an answer stands. */
export type AnswerState = Pick<ConversationMessage, 'content' | 'state'> &
  Partial<Pick<ConversationMessage, 'weightsSha256' | 'weightsCheck' | 'statistics' | 'error'>>;

/** What can be changed of a conversation; what is left out stays. */
export interface ConversationChanges {
  readonly artifactId?: string | undefined;
  readonly system?: string | undefined;
  readonly sampling?: Sampling | undefined;
  readonly maxTokens?: number | undefined;
  readonly title?: string | undefined;
  readonly leafId?: number | null | undefined;
  /** Moves it to the top of the list. */
  readonly updatedAt?: string | undefined;
}

/** A conversation as it is told by someone who knows no branches. */
export interface LinearConversation {
  /** Null: a new one. */
  readonly id: number | null;
  readonly artifactId: string;
  readonly title: string;
  readonly sampling: Sampling;
  readonly messages: readonly Message[];
  readonly now: string;
}

function noConversation(id: number): AppError {
  return new AppError('not-found', `There is no conversation ${id}.`, {
    remedy: 'It may have been deleted: choose another one, or begin a new one.',
  });
}

function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

/** Conversations with all their branches. Hidden ones are as good as deleted for all but `restore` and `purge`. */
export class ConversationTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Last changed first; with a query only those whose title or one of whose messages has all its words. */
  list(query = ''): ConversationSummary[] {
    if (query.trim() === '')
      return readableRows(this.#db.prepare<[], Row>(LIST_SQL).all(), toSummary);
    const match = searchQuery(query);
    if (match === null) return [];
    const found = this.#db.prepare<unknown[], Row>(SEARCH_SQL).all({ query: match });
    return readableRows(found, toSummary);
  }

  /**
   * One transaction that takes the lock for writing at once: one that reads first and finds another process writing is
   * refused instead of made to wait, and the triggers of the search read.
   */
  #write<T>(work: () => T): T {
    return this.#db.transaction(work).immediate();
  }

  #row(id: number): Row {
    const row = this.#db
      .prepare<[number], Row>('SELECT * FROM conversations WHERE id = ? AND deleted_at IS NULL')
      .get(id);
    if (row === undefined) throw noConversation(id);
    return row;
  }

  /** @throws AppError 'not-found' */
  conversation(id: number): Conversation {
    return this.#db.transaction((): Conversation => {
      const row = this.#row(id);
      const messages = this.#db
        .prepare<[number], Row>('SELECT * FROM messages WHERE conversation_id = ? ORDER BY id')
        .all(id)
        .map(toMessage);
      return toConversation(row, messages);
    })();
  }

  /**
   * A conversation with the messages of one branch only, from its root to `leafId`.
   *
   * @param leafId the branch that is shown when left out
   * @throws AppError 'not-found' when there is no such conversation, or no such message in it
   */
  branch(id: number, leafId?: number | null): Conversation {
    return this.#db.transaction((): Conversation => {
      const row = this.#row(id);
      const leaf = leafId === undefined ? row['leaf_id'] : leafId;
      const messages = this.#db
        .prepare<unknown[], Row>(
          `WITH RECURSIVE branch (id) AS (
             SELECT id FROM messages WHERE id = @leaf AND conversation_id = @id
             UNION ALL
             SELECT parent_id FROM branch JOIN messages USING (id) WHERE parent_id IS NOT NULL
           )
           SELECT messages.* FROM branch JOIN messages USING (id) ORDER BY id`,
        )
        .all({ leaf, id })
        .map(toMessage);
      if (typeof leafId === 'number' && messages.length === 0)
        throw new AppError('not-found', `Conversation ${id} has no message ${leafId}.`, {
          remedy: 'Open the conversation again.',
        });
      return toConversation({ ...row, leaf_id: leaf }, messages);
    })();
  }

  /** How many answers or questions there are already under a message. */
  childrenOf(messageId: number): number {
    const row = this.#db
      .prepare<[number], Row>('SELECT count(*) AS n FROM messages WHERE parent_id = ?')
      .get(messageId);
    return Number(row?.['n']);
  }

  /** Adds an empty conversation; an empty title is given by the first question. */
  create(conversation: ConversationSettings & { title: string; now: string }): Conversation {
    const { artifactId, title, system, sampling, maxTokens, now } = conversation;
    const row = this.#write(() =>
      this.#db
        .prepare<unknown[], Row>(
          `INSERT INTO conversations (artifact_id, title, system, sampling, max_tokens, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *`,
        )
        .get(artifactId, title, system, JSON.stringify(sampling), maxTokens, now, now),
    );
    return toConversation(row ?? {}, []);
  }

  /** @throws AppError 'not-found' when there is no such conversation, or no such message in it */
  update(id: number, changes: ConversationChanges): void {
    this.#write(() => {
      const old = this.branch(id, changes.leafId);
      this.#db
        .prepare(
          `UPDATE conversations SET title = ?, artifact_id = ?, system = ?, sampling = ?, max_tokens = ?,
             leaf_id = ?, updated_at = ? WHERE id = ?`,
        )
        .run(
          changes.title ?? old.title,
          changes.artifactId ?? old.artifactId,
          changes.system ?? old.system,
          JSON.stringify(changes.sampling ?? old.sampling),
          changes.maxTokens ?? old.maxTokens,
          old.leafId,
          changes.updatedAt ?? old.updatedAt,
          id,
        );
    });
  }

  /**
   * Adds messages below `parentId`, each under the one before it; the last becomes the branch that is shown.
   *
   * @param owner the engine that writes those which are `streaming`
   */
  addMessages(
    id: number,
    parentId: number | null,
    messages: readonly Omit<NewMessage, 'parentId'>[],
    changes: ConversationChanges,
    owner: string | null = null,
  ): ConversationMessage[] {
    return this.#write((): ConversationMessage[] => {
      const insert = this.#db.prepare<unknown[], Row>(
        `INSERT INTO messages (conversation_id, parent_id, role, content, state, artifact_id, weights_sha256,
           weights_check, statistics, error, created_at, owner)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
      );
      const added: ConversationMessage[] = [];
      for (const message of messages) {
        const { role, content, state, artifactId, weightsSha256, weightsCheck, createdAt } =
          message;
        const parent = added.at(-1)?.id ?? parentId;
        const row = insert.get(
          id,
          parent,
          role,
          content,
          state,
          artifactId,
          weightsSha256,
          weightsCheck,
          json(message.statistics),
          json(message.error),
          createdAt,
          state === 'streaming' ? owner : null,
        );
        added.push(toMessage(row ?? {}));
      }
      this.update(id, { ...changes, leafId: added.at(-1)?.id ?? parentId });
      return added;
    });
  }

  /** Writes how an answer stands; what is left out stays. */
  writeAnswer(messageId: number, answer: AnswerState): ConversationMessage {
    const row = this.#write(() =>
      this.#db
        .prepare<unknown[], Row>(
          `UPDATE messages SET content = @content, state = @state,
           weights_sha256 = coalesce(@weightsSha256, weights_sha256),
           weights_check = coalesce(@weightsCheck, weights_check),
           statistics = coalesce(@statistics, statistics), error = @error,
           owner = CASE @state WHEN 'streaming' THEN owner END
         WHERE id = @messageId RETURNING *`,
        )
        .get({
          messageId,
          content: answer.content,
          state: answer.state,
          weightsSha256: answer.weightsSha256 ?? null,
          weightsCheck: answer.weightsCheck ?? null,
          statistics: json(answer.statistics),
          error: json(answer.error),
        }),
    );
    if (row === undefined)
      throw new AppError('not-found', 'The conversation was deleted while it was answered.', {
        remedy: 'Ask again in a new conversation.',
      });
    return toMessage(row);
  }

  /** Says how the check of the weights behind an answer ended. An answer that is gone by then is no error. */
  writeCheck(messageId: number, weightsCheck: WeightsCheck): void {
    this.#write(() =>
      this.#db
        .prepare('UPDATE messages SET weights_check = ? WHERE id = ?')
        .run(weightsCheck, messageId),
    );
  }

  /** Every engine that writes an answer or has hidden a conversation, by the catalog. */
  owners(): string[] {
    return this.#db
      .prepare<[], Row>(
        `SELECT owner FROM messages WHERE owner IS NOT NULL
         UNION SELECT deleted_owner FROM conversations
           WHERE deleted_at IS NOT NULL AND deleted_owner IS NOT NULL`,
      )
      .all()
      .map((row) => String(row['owner']));
  }

  /** Marks the answers as failed that an engine was writing which is gone; null: those of nobody. Returns how many. */
  failStreaming(owner: string | null, error: NonNullable<ConversationMessage['error']>): number {
    const sql =
      "UPDATE messages SET state = 'failed', error = ?, owner = NULL WHERE state = 'streaming' AND owner IS ?";
    return this.#write(() => this.#db.prepare(sql).run(json(error), owner).changes);
  }

  /** @param owner the engine that can bring it back as long as it lives @throws AppError 'not-found' */
  hide(id: number, now: string, owner: string | null = null): void {
    const { changes } = this.#db
      .prepare(
        'UPDATE conversations SET deleted_at = ?, deleted_owner = ? WHERE id = ? AND deleted_at IS NULL',
      )
      .run(now, owner, id);
    if (changes === 0) throw noConversation(id);
  }

  /** Brings a hidden conversation back; one that is not hidden stays as it is. @throws AppError 'not-found' */
  restore(id: number): void {
    const { changes } = this.#db
      .prepare('UPDATE conversations SET deleted_at = NULL, deleted_owner = NULL WHERE id = ?')
      .run(id);
    if (changes === 0) throw noConversation(id);
  }

  /** Deletes what an engine has hidden that is gone; null: what nobody has. Returns how many conversations that were. */
  purge(owner: string | null = null): number {
    const sql = 'DELETE FROM conversations WHERE deleted_at IS NOT NULL AND deleted_owner IS ?';
    return this.#write(() => this.#db.prepare(sql).run(owner).changes);
  }

  /**
   * Keeps a conversation as a plain list: its messages are found again along one branch, and from where they differ a
   * new branch begins, so that nothing that was said is lost. Returns its id.
   *
   * @throws AppError 'not-found'
   */
  saveLinear(conversation: LinearConversation): number {
    const { artifactId, title, sampling, messages, now } = conversation;
    const system = messages.filter(({ role }) => role === 'system');
    return this.#write((): number => {
      const settings = { artifactId, title, sampling };
      const changes = { ...settings, system: system.map(({ content }) => content).join('\n\n') };
      const fresh = { ...changes, maxTokens: DEFAULT_MAX_TOKENS, now };
      const id = conversation.id ?? this.create(fresh).id;
      this.#row(id);
      const child = this.#db.prepare<unknown[], Row>(
        `SELECT id FROM messages WHERE conversation_id = @id AND parent_id IS @parent AND role = @role
           AND content = @content ORDER BY id DESC LIMIT 1`,
      );
      let parent: number | null = null;
      const added: Omit<NewMessage, 'parentId'>[] = [];
      for (const { role, content } of messages) {
        if (role === 'system') continue;
        const known: Row | undefined =
          added.length > 0 ? undefined : child.get({ id, parent, role, content });
        if (known !== undefined) parent = Number(known['id']);
        else
          added.push({
            role,
            content,
            state: 'complete',
            artifactId: role === 'assistant' ? artifactId : null,
            weightsSha256: null,
            weightsCheck: null,
            statistics: null,
            error: null,
            createdAt: now,
          });
      }
      this.addMessages(id, parent, added, { ...changes, updatedAt: now });
      return id;
    });
  }
}
