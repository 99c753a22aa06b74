/** Longest id: long enough for any model's name, short enough to type. */
const MAX_SLUG = 80;

/** What of a name is looked at: a stranger's may have millions of characters, and normalizing takes the square of some. */
const MAX_NAME = 1_024;

/** A name as an id: lower case, with everything but letters, digits, dots and dashes turned into single dashes. */
export function slugFor(name: string): string {
  const slug = name
    .slice(0, MAX_NAME)
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, MAX_SLUG)
    .replace(/[-.]+$/, '');
  return slug === '' ? 'model' : slug;
}

/** The first of `slug`, `slug-2`, `slug-3`, … that is free. */
export function uniqueSlug(slug: string, isTaken: (candidate: string) => boolean): string {
  if (!isTaken(slug)) return slug;
  for (let number = 2; ; number++) {
    const candidate = `${slug}-${number}`;
    if (!isTaken(candidate)) return candidate;
  }
}
