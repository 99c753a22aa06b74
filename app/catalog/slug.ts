/** Longest id: long enough for any model's name, short enough to type. */
const MAX_SLUG = 80;

/** A name as an id: lower case, with everything but letters, digits, dots and dashes turned into single dashes. */
export function slugFor(name: string): string {
  const slug = name
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
