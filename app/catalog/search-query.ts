/** Letters, digits and the marks on them: what SQLite's unicode61 tokenizer makes words of. */
const WORD_PARTS = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;

/**
 * What a person typed, as an FTS5 query: every word must occur, as the beginning of a word. Whatever is no letter or
 * digit separates, so nothing that can be typed is FTS5 syntax.
 *
 * @returns null when there is no word in it
 */
export function searchQuery(typed: string): string | null {
  const words = typed
    .split(/\s+/)
    .map((word) => (word.match(WORD_PARTS) ?? []).join(' '))
    .filter((word) => word !== '');
  // In quotes the parts of a word ("don t") are a phrase, and OR or NEAR are words like any other.
  return words.length === 0 ? null : words.map((word) => `"${word}"*`).join(' AND ');
}
