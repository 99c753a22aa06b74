/** A text cut into what a reader takes for characters: an emoji of several code points stays whole. */
export function charactersOf(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}
