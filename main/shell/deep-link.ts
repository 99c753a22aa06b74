/** `owner/name` as the hub writes it: letters, digits, `-`, `_` and `.`, at most 96 characters each. */
const link = /^nibble:\/\/([\w][\w.-]{0,95})\/([\w][\w.-]{0,95})\/?$/;

/**
 * The repository that a `nibble://owner/name` link names, or null. Nothing else of the link is looked at, and nothing in
 * it is decoded: what is not plainly a name is not a link of ours.
 */
export function parseDeepLink(url: string): string | null {
  const match = link.exec(url);
  if (match === null) return null;
  const [, owner = '', name = ''] = match;
  // Never part of a name on the hub, and never a step upwards in a path.
  if (`${owner}/${name}`.includes('..') || /(?:\.git|\.)$/.test(name)) return null;
  return `${owner}/${name}`;
}

/** The first link among the arguments of a second instance: Windows and Linux hand links over that way. */
export function deepLinkIn(argv: readonly string[]): string | null {
  for (const argument of argv) {
    const repository = parseDeepLink(argument);
    if (repository !== null) return repository;
  }
  return null;
}
