/** Part of an excerpt; a hit is shown marked. */
export interface ExcerptPart {
  readonly text: string;
  readonly isHit: boolean;
}

const HIT = /\u2068([^\u2069]*)\u2069/g;

/** Takes apart the text around a search hit; hits lie between U+2068 and U+2069. */
export function excerptParts(excerpt: string): ExcerptPart[] {
  const parts: ExcerptPart[] = [];
  let from = 0;
  const add = (text: string, isHit: boolean): void => {
    // A mark without its partner is no letter to show.
    const clean = text.replace(/[\u2068\u2069]/g, '');
    if (clean !== '') parts.push({ text: clean, isHit });
  };
  for (const match of excerpt.matchAll(HIT)) {
    add(excerpt.slice(from, match.index), false);
    add(match[1] ?? '', true);
    from = match.index + match[0].length;
  }
  add(excerpt.slice(from), false);
  return parts;
}
