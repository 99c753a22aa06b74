import { AppError } from '../contract/error.ts';
import type { Client } from '../contract/rpc.ts';
import type { RunnerApi } from '../contract/runner-api.ts';
import type { RowDivergence } from './metrics.ts';
import type { OpenedRunner } from './open-runner.ts';

/** The tokens of one pass through the model; the first is given, each later one is scored by the row before it. */
export type Window = readonly number[];

/** What files are called that hold logits for a while. */
export const LOGITS_NAME = '.logits';

/** Rows [first, end) of a window. */
export interface RowRange {
  readonly first: number;
  readonly end: number;
}

export interface TokenizedText {
  /** What the tokenizer puts in front of every text, e.g. a token for its beginning. */
  readonly prefix: readonly number[];
  readonly ids: readonly number[];
}

/** The tokens of a text, and apart from them what stands in front of every text. */
export async function tokenize(client: Client<RunnerApi>, text: string): Promise<TokenizedText> {
  const [plain, probe, framed] = await Promise.all([
    client.tokenize({ text, addSpecialTokens: false }),
    client.tokenize({ text: 'a', addSpecialTokens: false }),
    client.tokenize({ text: 'a', addSpecialTokens: true }),
  ]);
  const added = framed.ids.length - probe.ids.length;
  const start = Array.from({ length: added + 1 }, (_, i) => i).find((i) =>
    probe.ids.every((id, k) => framed.ids[i + k] === id),
  );
  return { prefix: framed.ids.slice(0, start ?? 0), ids: plain.ids };
}

/** The rows of a window that predict a token of the text: all but the last, which looks past the window. */
export function scoredRows(window: Window, prefixLength: number): RowRange {
  return { first: Math.max(0, prefixLength - 1), end: window.length - 1 };
}

/** What a model said of the token behind a row; a divergence where there is a reference. */
export interface RowScore {
  readonly row: number;
  /** −ln p(token), nats. */
  readonly loss: number;
  readonly divergence: RowDivergence | null;
}

export interface RowsToScore extends RowRange {
  /** Takes the rows' logits, for another model to be measured against. */
  readonly keep?: string | undefined;
  /** Holds the logits of the reference. */
  readonly reference?: string | undefined;
}

/** Calls `onRow` for each wanted row of a window, in order; several come at once. */
export async function scoreWindow(
  { client }: OpenedRunner,
  window: Window,
  rows: RowsToScore,
  onRow: (score: RowScore) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  // An error thrown inside the channel's listener would be nobody's; it is kept and thrown here.
  let failed: { error: unknown } | null = null;
  await client.scoreTokens(
    { ids: [...window], ...rows },
    {
      signal,
      onEvent: ({ firstRow, losses, kl, sameTop }) => {
        try {
          for (const [i, loss] of losses.entries()) {
            if (failed !== null) return;
            const divergence =
              rows.reference === undefined
                ? null
                : { kl: kl[i] ?? Number.NaN, sameTop: sameTop[i] === 1 };
            onRow({ row: firstRow + i, loss, divergence });
          }
        } catch (error) {
          failed = { error };
        }
      },
    },
  );
  // The assignment in the callback is invisible to the compiler.
  const caught = failed as { error: unknown } | null;
  if (caught !== null) throw caught.error;
}

interface TokenizedBy {
  readonly runner: OpenedRunner;
  readonly tokens: TokenizedText;
}

/** @throws AppError `invalid-input` unless both have the same vocabulary and read the same tokens */
export function requireSameTokens(candidate: TokenizedBy, reference: TokenizedBy): void {
  const same = (a: readonly number[], b: readonly number[]): boolean =>
    a.length === b.length && a.every((id, i) => id === b[i]);
  if (
    candidate.runner.loaded.vocabularySize === reference.runner.loaded.vocabularySize &&
    same(candidate.tokens.prefix, reference.tokens.prefix) &&
    same(candidate.tokens.ids, reference.tokens.ids)
  )
    return;
  throw new AppError(
    'invalid-input',
    'The two models cut the text into different tokens, so they cannot be measured against each other.',
    { remedy: 'Choose a reference that was made from the same checkpoint.' },
  );
}
