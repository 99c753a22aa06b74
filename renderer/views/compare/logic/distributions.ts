import type { GeneratedToken } from '../../../../app/contract/sampling.ts';

/** What one answer thought of one token. */
export interface Cell {
  /** 0..1; null where the token is not among those that were kept. */
  readonly probability: number | null;
  readonly isChosen: boolean;
}

/** One token across all answers. */
export interface DistributionRow {
  readonly id: number;
  readonly text: string;
  /** In the order of the answers. */
  readonly cells: readonly Cell[];
}

export interface Distributions {
  /** In the order of the first answer's probabilities; tokens that it did not keep follow, the most likely first. */
  readonly rows: readonly DistributionRow[];
  /** For each answer what a token that was not kept has at most; null where the answer had ended. */
  readonly ceilings: readonly (number | null)[];
}

/** Below this a bar is not seen and a percentage reads as nothing: such tokens are shown only where one was chosen. */
export const LEAST_PROBABILITY = 0.0005;

interface Known {
  readonly text: string;
  readonly probability: number;
}

/** The alternatives and the chosen token itself, which sampling may have taken from below them. */
function knownTokens(token: GeneratedToken): ReadonlyMap<number, Known> {
  const known = new Map<number, Known>();
  for (const { id, text, logprob } of token.alternatives)
    known.set(id, { text, probability: Math.exp(logprob) });
  if (!known.has(token.id))
    known.set(token.id, { text: token.text, probability: Math.exp(token.logprob) });
  return known;
}

/**
 * The distributions of several answers at one place, aligned by token, so that one sees what moved.
 *
 * @param tokens What each said there; null where it had ended.
 * @param most Rows at most; chosen tokens are always among them.
 */
export function alignDistributions(
  tokens: readonly (GeneratedToken | null)[],
  most = 10,
): Distributions {
  const known = tokens.map((token) => (token === null ? null : knownTokens(token)));
  const texts = new Map<number, string>();
  for (const answer of known)
    for (const [id, { text }] of answer ?? []) if (!texts.has(id)) texts.set(id, text);
  const rows = [...texts].map(([id, text]) => ({
    id,
    text,
    cells: known.map((answer, i) => ({
      probability: answer?.get(id)?.probability ?? null,
      isChosen: tokens[i]?.id === id,
    })),
  }));
  const highest = (row: DistributionRow): number =>
    Math.max(...row.cells.map((cell) => cell.probability ?? 0));
  const chosenFirst = [...rows].sort(
    (a, b) =>
      Number(b.cells.some((cell) => cell.isChosen)) -
        Number(a.cells.some((cell) => cell.isChosen)) || highest(b) - highest(a),
  );
  const kept = new Set(
    chosenFirst
      .filter((row) => highest(row) >= LEAST_PROBABILITY || row.cells.some((cell) => cell.isChosen))
      .slice(0, most),
  );
  return {
    rows: rows
      .filter((row) => kept.has(row))
      .sort(
        (a, b) =>
          (b.cells[0]?.probability ?? -1) - (a.cells[0]?.probability ?? -1) ||
          highest(b) - highest(a),
      ),
    ceilings: tokens.map((token) =>
      token === null
        ? null
        : Math.min(1, ...token.alternatives.map(({ logprob }) => Math.exp(logprob))),
    ),
  };
}
