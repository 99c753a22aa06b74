import type { Model } from '../../native-kernels/index.ts';

/** How much of a prompt need not be computed. */
export interface Reuse {
  /** Tokens at the beginning of the prompt that the context holds already. */
  readonly cachedTokens: number;
  /** What is left to append; nothing where the context ends with this very prompt. */
  readonly rest: readonly number[];
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}

/**
 * A stretch of the context that came from one prompt, computed in chunks of `Model.chunk` tokens from its start on, or
 * from one answer, token by token.
 */
interface Stretch {
  readonly kind: 'prompt' | 'answer';
  readonly start: number;
  readonly end: number;
}

/**
 * The tokens that a model's context holds. A prompt that begins with them needs to be computed only from where it
 * differs: a follow-up question appends itself, an edited one computes its last chunks, an answer that is to be written
 * again appends nothing.
 *
 * The last bits of a sum depend on which tokens were computed in one go, and the words drawn may depend on those. So a
 * prompt is never cut where it was not cut before: a chunk is kept whole or computed again whole, and what follows is cut
 * into the same chunks as if all of the prompt were computed. The same question in the same place then has the same
 * answer, whatever was asked in between.
 */
export class PromptCache {
  readonly #model: Model;
  #ids: readonly number[] = [];
  #stretches: readonly Stretch[] = [];
  /** Where the last prompt ended, while the runtime still has the logits of that place. */
  #promptEnd: number | null = null;

  constructor(model: Model) {
    this.#model = model;
  }

  /** Empties the context. */
  clear(): void {
    this.#model.truncate(0);
    this.forget();
  }

  /** Counts on nothing that the context holds: for when a command failed half-way. */
  forget(): void {
    this.#ids = [];
    this.#stretches = [];
    this.#promptEnd = null;
  }

  /** Cuts the context back to what `ids`, at least one, can begin with. */
  cutTo(ids: readonly number[]): Reuse {
    const shared = sharedLength(this.#ids, ids);
    const isWhole = shared === ids.length && this.#promptEnd === shared;
    // Without its logits the last token has to be computed once more.
    const wanted = isWhole ? shared : this.#cutAt(Math.min(shared, ids.length - 1));
    this.#model.truncate(wanted);
    // Layers that remember in states may go back further: to where theirs are kept.
    const cachedTokens = this.#model.position;
    this.#ids = this.#ids.slice(0, cachedTokens);
    this.#stretches = this.#stretches
      .filter(({ start }) => start < cachedTokens)
      .map((stretch) => ({ ...stretch, end: Math.min(stretch.end, cachedTokens) }));
    if (!isWhole || cachedTokens < wanted) this.#promptEnd = null;
    return { cachedTokens, rest: ids.slice(cachedTokens) };
  }

  /** The last place up to `position` that is not inside of what was computed in one go. */
  #cutAt(position: number): number {
    const inside = this.#stretches.find(
      ({ kind, start, end }) => kind === 'prompt' && start < position && position < end,
    );
    if (inside === undefined) return position;
    return position - ((position - inside.start) % this.#model.chunk);
  }

  /** Notes what the context holds after an answer to `prompt`, as far as its position says that it got. */
  note(prompt: readonly number[], answer: readonly number[]): void {
    const { position } = this.#model;
    // Of a prompt that was stopped on its way the context has whole chunks.
    const promptEnd = Math.min(prompt.length, position);
    const start = this.#ids.length;
    this.#ids = [...prompt, ...answer].slice(0, position);
    const added: Stretch[] = [
      { kind: 'prompt', start, end: promptEnd },
      { kind: 'answer', start: promptEnd, end: position },
    ];
    this.#stretches = [...this.#stretches, ...added.filter(({ start, end }) => start < end)];
    this.#promptEnd = promptEnd === prompt.length ? promptEnd : null;
  }
}
