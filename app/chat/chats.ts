import type { Catalog } from '../catalog/index.ts';
import type { Artifact } from '../contract/checkpoint.ts';
import type { Conversation, ConversationMessage } from '../contract/conversation.ts';
import { AppError, toAppError } from '../contract/error.ts';
import type { GeneratedToken, Message } from '../contract/sampling.ts';
import type { HeldModels } from './loaded-models.ts';
import { seedOfAnswer } from './sampling.ts';
import { titleFrom } from './title.ts';
import { writeAnswer } from './write-answer.ts';

export interface ChatsOptions {
  readonly conversations: Catalog['conversations'];
  readonly models: HeldModels;
  /** @throws AppError 'not-found', 'invalid-input' */
  readonly artifactOf: (id: string) => Artifact;
  /** The id of this engine, under which others find it alive. */
  readonly owner: () => Promise<string>;
}

/** Who asks, and hears the answer while it comes. */
export interface AnswerCall {
  readonly signal: AbortSignal;
  readonly emit: (
    event:
      | { kind: 'message'; message: ConversationMessage }
      | { kind: 'tokens'; tokens: GeneratedToken[] },
  ) => void;
}

/** An answer that is being given. */
interface Answering {
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
}

/** What the model is given: the system prompt and the branch. */
function promptOf({ system, messages }: Pick<Conversation, 'system' | 'messages'>): Message[] {
  const said = messages.map(({ role, content }): Message => ({ role, content }));
  return system === '' ? said : [{ role: 'system', content: system }, ...said];
}

/** Answers in the conversations of a catalog, one at a time in each. */
export class Chats {
  readonly #options: ChatsOptions;
  readonly #answering = new Map<number, Answering>();

  constructor(options: ChatsOptions) {
    this.#options = options;
  }

  get conversations(): Catalog['conversations'] {
    return this.#options.conversations;
  }

  /**
   * Tidies up after an engine that is gone: what it was writing has failed, and what it had hidden is deleted.
   *
   * @param owner null: what no engine has
   */
  reclaim(owner: string | null): void {
    const { conversations } = this.#options;
    conversations.failStreaming(owner, {
      code: 'engine-restarted',
      message: 'Nibble ended while this answer was being written.',
      remedy: 'Ask for the answer again.',
      reason: null,
      facts: {},
    });
    conversations.purge(owner);
  }

  /**
   * Adds a question below `parentId` and answers it. Once the question is kept, whatever goes wrong is told in the
   * answer.
   *
   * @returns the answer, `complete`, `stopped` or `failed`
   * @throws AppError 'busy', 'not-found', 'invalid-input': nothing was changed then
   */
  async say(
    { conversationId, parentId, content }: ConversationPlace & { readonly content: string },
    call: AnswerCall,
  ): Promise<ConversationMessage> {
    const owner = await this.#options.owner();
    const { conversations } = this;
    const { artifactOf } = this.#options;
    const branch = this.#open(conversationId, parentId, call.signal);
    if (branch.messages.at(-1)?.role === 'user')
      throw new AppError('invalid-input', 'A question cannot follow a question.', {
        remedy: 'Have the question before it answered first, or put this one in its place.',
      });
    const artifact = artifactOf(branch.artifactId);
    const createdAt = new Date().toISOString();
    const [question, answer] = conversations.addMessages(
      conversationId,
      parentId,
      [
        { ...empty, role: 'user', content, createdAt },
        { ...empty, state: 'streaming', artifactId: artifact.id, createdAt },
      ],
      {
        updatedAt: createdAt,
        ...(branch.title === '' ? { title: titleFrom(content) } : {}),
      },
      owner,
    );
    if (question === undefined || answer === undefined)
      throw new AppError('internal', 'The catalog did not keep the question.');
    call.emit({ kind: 'message', message: question });
    const asked = { ...branch, messages: [...branch.messages, question] };
    return this.#answer(asked, answer, artifact, branch.sampling.seed, call);
  }

  /**
   * Answers a question once more, with the next seed.
   *
   * @returns the new answer, `complete`, `stopped` or `failed`
   * @throws AppError 'busy', 'not-found', 'invalid-input': nothing was changed then
   */
  async answerAgain(
    { conversationId, parentId }: { readonly conversationId: number; readonly parentId: number },
    call: AnswerCall,
  ): Promise<ConversationMessage> {
    const owner = await this.#options.owner();
    const { conversations } = this;
    const { artifactOf } = this.#options;
    const branch = this.#open(conversationId, parentId, call.signal);
    if (branch.messages.at(-1)?.role !== 'user')
      throw new AppError('invalid-input', `Message ${parentId} is no question.`, {
        remedy: 'Choose the question that is to be answered again.',
      });
    const artifact = artifactOf(branch.artifactId);
    const seed = seedOfAnswer(branch.sampling.seed, conversations.childrenOf(parentId));
    const createdAt = new Date().toISOString();
    const [answer] = conversations.addMessages(
      conversationId,
      parentId,
      [{ ...empty, state: 'streaming', artifactId: artifact.id, createdAt }],
      { updatedAt: createdAt },
      owner,
    );
    if (answer === undefined)
      throw new AppError('internal', 'The catalog did not keep the answer.');
    return this.#answer(branch, answer, artifact, seed, call);
  }

  /** The branch that is to be continued, of a conversation in which nothing is being answered. */
  #open(conversationId: number, parentId: number | null, signal: AbortSignal): Conversation {
    if (signal.aborted) throw new AppError('aborted', 'Cancelled.');
    const branch = this.conversations.branch(conversationId, parentId);
    if (this.#answering.has(conversationId))
      throw new AppError('busy', 'An answer is being written in this conversation.', {
        remedy: 'Wait until it is done, or stop it.',
      });
    return branch;
  }

  async #answer(
    asked: Conversation,
    answer: ConversationMessage,
    artifact: Artifact,
    seed: number,
    call: AnswerCall,
  ): Promise<ConversationMessage> {
    call.emit({ kind: 'message', message: answer });
    const { conversations } = this;
    const { models } = this.#options;
    const stop = new AbortController();
    const ended = writeAnswer({
      conversations,
      models,
      artifact,
      answerId: answer.id,
      messages: promptOf(asked),
      sampling: { ...asked.sampling, seed },
      maxTokens: asked.maxTokens,
      signal: AbortSignal.any([call.signal, stop.signal]),
      onTokens: (tokens) => {
        call.emit({ kind: 'tokens', tokens });
      },
    });
    this.#answering.set(asked.id, { stop, ended: ended.catch(() => undefined) });
    try {
      return await ended;
    } finally {
      this.#answering.delete(asked.id);
    }
  }

  /** Stops the answer in a conversation, if there is one, and waits until it is kept. */
  async stop(conversationId: number): Promise<void> {
    const answering = this.#answering.get(conversationId);
    answering?.stop.abort();
    await answering?.ended;
  }

  /** Stops all answers and waits until they are kept. */
  async close(): Promise<void> {
    await Promise.all([...this.#answering.keys()].map((id) => this.stop(id)));
  }

  /**
   * Tokens that the shown branch would take with `draft` as the next question.
   *
   * @returns null while the model is not loaded
   * @throws AppError 'not-found', and what the model's chat template throws
   */
  async contextUse(
    conversationId: number,
    draft: string,
  ): Promise<{ tokens: number; contextLength: number } | null> {
    const branch = this.conversations.branch(conversationId);
    const runner = this.#options.models.loaded(branch.artifactId);
    if (runner === null) return null;
    const messages = promptOf(branch);
    // A template wants a question at the end; an empty one takes what its frame will take.
    if (messages.at(-1)?.role !== 'user' || draft !== '')
      messages.push({ role: 'user', content: draft });
    try {
      const { tokens } = await runner.client.countTokens({ messages });
      return { tokens, contextLength: runner.loaded.contextLength };
    } catch (error) {
      const known = toAppError(error);
      // Closed or crashed in between: as if it had not been loaded.
      if (known.code === 'aborted' || known.code === 'runner-crashed') return null;
      throw known;
    }
  }
}

interface ConversationPlace {
  readonly conversationId: number;
  /** Null: at the root. */
  readonly parentId: number | null;
}

/** A message about which nothing is known yet. */
const empty = {
  role: 'assistant',
  content: '',
  state: 'complete',
  artifactId: null,
  weightsSha256: null,
  weightsCheck: null,
  statistics: null,
  error: null,
} as const;
