import type { ScoredText } from '../../../../app/contract/comparison.ts';

export type ScoredColumn = ScoredText['columns'][number];

/** Places with the largest divergence, the largest first. Places without a number are left out. */
export function mostChanged(kl: readonly (number | null)[], most = 10): number[] {
  return kl
    .flatMap((value, place) => (value === null || value <= 0 ? [] : [{ place, value }]))
    .sort((a, b) => b.value - a.value || a.place - b.place)
    .slice(0, most)
    .map(({ place }) => place);
}

/** How many characters of a text are offered to begin with: some 900 tokens, a reading of a few seconds. */
const EXCERPT_CHARACTERS = 3000;

/** The beginning of a text up to the end of a paragraph. */
export function excerptOf(text: string, characters = EXCERPT_CHARACTERS): string {
  if (text.length <= characters) return text.trim();
  const cut = text.slice(0, characters);
  const end = cut.lastIndexOf('\n\n');
  return (end > 0 ? cut.slice(0, end) : cut).trim();
}

/** The words around a place, to find it again: the tokens before and after, as one line. */
export function contextOf(
  tokens: ScoredText['tokens'],
  place: number,
  reach = 6,
): { readonly before: string; readonly token: string; readonly after: string } {
  const join = (from: number, to: number): string =>
    tokens
      .slice(Math.max(0, from), to)
      .map(({ text }) => text)
      .join('')
      .replaceAll('\n', ' ');
  return {
    before: join(place - reach, place).trimStart(),
    token: tokens[place]?.text ?? '',
    after: join(place + 1, place + 1 + reach).trimEnd(),
  };
}
