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
