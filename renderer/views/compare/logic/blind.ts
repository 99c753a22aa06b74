/** Rounds of the generator that are thrown away, until each of its words depends on every bit of the seed (as its author does). */
const WARM_UP = 20;

/**
 * Numbers 0..2^32-1 of the generator sfc32 by Chris Doty-Humphrey (PractRand). Its additions carry, so that seeds which
 * differ in one bit give sequences that have nothing in common; one that only shifts and xors (xorshift) would answer a
 * flipped bit of the seed with the same flipped bits of the sequence, whatever the rest of the seed is.
 */
function generator(seed: readonly [number, number, number]): () => number {
  let [a, b, c] = seed;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < WARM_UP; i++) next();
  return next;
}

/** A number 0..count-1, each equally likely: what would make the first ones likelier is drawn again. */
function below(count: number, next: () => number): number {
  const limit = 2 ** 32 - (2 ** 32 % count);
  let drawn = next();
  while (drawn >= limit) drawn = next();
  return drawn % count;
}

/**
 * The order in which columns stand while names are hidden: a permutation of 0..count-1 that only `secret` and `round`
 * determine (Fisher and Yates' shuffle). Every prompt of a run has a round and with it an order of its own: that the
 * names of one prompt are shown after its vote says nothing about the others.
 *
 * @param secret A random number kept in the view's state, so that drawing anew does not shuffle anew. 0..2^32-1.
 * @param round Which prompt of the run, from 0.
 */
export function blindOrder(count: number, secret: number, round: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  const next = generator([secret, round, count]);
  for (let i = count - 1; i > 0; i--) {
    const j = below(i + 1, next);
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
