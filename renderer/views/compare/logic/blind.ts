/**
 * The order in which columns stand while names are hidden: a permutation of 0..count-1 that only `secret` determines
 * (Fisher and Yates' shuffle over xorshift32). `round` gives every prompt of a run another one.
 *
 * @param secret A random number kept in the view's state, so that drawing anew does not shuffle anew. 0..2^32-1.
 */
export function blindOrder(count: number, secret: number, round: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  // xorshift stays at zero for ever; the odd constant (2^32 divided by the golden ratio) spreads neighbouring rounds.
  let state = (secret ^ Math.imul(round + 1, 0x9e3779b1)) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  // The first numbers after a small seed are small.
  for (let i = 0; i < 16; i++) next();
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    const taken = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = taken;
  }
  return order;
}

/** A random number that nobody has seen, for `blindOrder`. */
export function newSecret(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
}

/** `A` for the first column, and so on. */
export function columnLetter(position: number): string {
  return String.fromCharCode(65 + position);
}

/** A vote as the person casts it: a column's position on the screen, or none of them. */
export type Ballot = number | 'tie';

/** What a key says: 1 to 4 the columns, 0 no difference; null for every other key and for columns that are not there. */
export function ballotOfKey(key: string, columns: number): Ballot | null {
  if (key === '0') return 'tie';
  const position = /^[1-9]$/.test(key) ? Number(key) - 1 : columns;
  return position < columns ? position : null;
}

/**
 * Whose the preferred column is.
 *
 * @param order As `blindOrder` gave it: `order[position]` is an index into `ids`.
 * @returns null for no difference
 */
export function unblind(
  ballot: Ballot,
  order: readonly number[],
  ids: readonly string[],
): string | null {
  if (ballot === 'tie') return null;
  return ids[order[ballot] ?? -1] ?? null;
}
