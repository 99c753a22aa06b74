/** Token ids that every contender gets: spread over the vocabulary, none of them special, the same each time. */
export function promptIds(count: number, start = 0): number[] {
  return Array.from({ length: count }, (_, i) => 300 + (((i + start) * 7919) % 20000));
}
