import { AppError } from '../contract/error.ts';
import type { Scores } from '../../native-kernels/index.ts';
import type { RunnableModel } from './load-model.ts';
import { requireRoom } from './answer.ts';

/** Logits computed at a time; larger products are hardly faster. */
const EVALUATE_BYTES = 64 * 1024 * 1024;

/** Rows computed at a time: enough tokens to be as fast as a long prompt. */
const EVALUATE_ROWS = 128;

/** Logits per event: a message is held whole in the memory of both ends. */
const EVENT_BYTES = 8 * 1024 * 1024;

export interface ScoredRows {
  readonly firstRow: number;
  /** [rows, vocabularySize] */
  readonly logits: Float32Array<ArrayBuffer>;
}

/** How many rows fit in `bytes`, at least one. */
function rowsIn(bytes: number, vocabularySize: number): number {
  return Math.max(1, Math.floor(bytes / (vocabularySize * Float32Array.BYTES_PER_ELEMENT)));
}

/**
 * Teacher-forced logits of every position of `ids`, in order, a few rows at a time.
 *
 * @throws AppError `invalid-input` when the context does not hold them, `aborted`
 */
export async function score(
  { model, description, cache }: RunnableModel,
  ids: readonly number[],
  emit: (rows: ScoredRows) => void,
  signal: AbortSignal,
): Promise<void> {
  const { vocabularySize, contextLength } = description;
  requireRoom(ids.length, contextLength, false);
  const evaluateRows = Math.min(EVALUATE_ROWS, rowsIn(EVALUATE_BYTES, vocabularySize));
  const eventRows = rowsIn(EVENT_BYTES, vocabularySize);
  cache.clear();
  for (let start = 0; start < ids.length; start += evaluateRows) {
    const part = ids.slice(start, start + evaluateRows);
    const logits = await model.evaluate(part, { rows: 'all', signal });
    for (let row = 0; row < part.length; row += eventRows) {
      // A copy: some channels send the whole buffer behind a view.
      const rows = logits.slice(row * vocabularySize, (row + eventRows) * vocabularySize);
      emit({ firstRow: start + row, logits: rows });
    }
  }
}

export interface TokensToScore {
  readonly ids: readonly number[];
  /** The rows [first, end) are scored, each by the id behind it. */
  readonly first: number;
  readonly end: number;
  /** A file that takes the logits of the scored rows, row `i` at the place of the `i`th. */
  readonly keep?: string | undefined;
  /** A file in which another model has kept its rows of the same ids. */
  readonly reference?: string | undefined;
}

/** `firstRow` is the row of the first value. */
export interface ScoredTokens extends Scores {
  readonly firstRow: number;
}

/**
 * Teacher-forced scores of the ids behind some rows, computed where the logits are, a few rows at a time.
 *
 * @throws AppError `invalid-input` when the context does not hold the ids, or a row has no id behind it, `aborted`,
 * `disk-full`, `invalid-weights` for logits that are no numbers
 */
export async function scoreTokens(
  { model, description, cache }: RunnableModel,
  { ids, first, end, keep, reference }: TokensToScore,
  emit: (scored: ScoredTokens) => void,
  signal: AbortSignal,
): Promise<void> {
  const { vocabularySize, contextLength } = description;
  requireRoom(ids.length, contextLength, false);
  if (end >= ids.length || first > end)
    throw new AppError(
      'invalid-input',
      `Rows ${first} to ${end} of ${ids.length} have no token behind them.`,
    );
  const rows = Math.min(EVALUATE_ROWS, rowsIn(EVALUATE_BYTES, vocabularySize));
  cache.clear();
  for (let start = 0; start < ids.length; start += rows) {
    const part = ids.slice(start, start + rows);
    const targets = part.map((_, i) => {
      const row = start + i;
      return row >= first && row < end ? (ids[row + 1] ?? -1) : -1;
    });
    const scores = await model.score(part, { targets, firstRow: start, keep, reference, signal });
    if (scores.losses.length > 0) emit({ firstRow: Math.max(start, first), ...scores });
  }
}
