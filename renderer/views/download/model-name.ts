/** What a person typed or pasted into the search. */
export type Typed =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'query'; readonly text: string }
  /** `source` is what the engine is given: `owner/name`, or `owner/name@revision` where one is meant. */
  | { readonly kind: 'repository'; readonly source: string }
  | { readonly kind: 'folder'; readonly directory: string };

/** A part of a repository's name, as hubs allow it; what comes of it the engine checks again. */
const PART = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/;
const REVISION = /^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$/;
/** What stands between a repository's name and a revision in the address of a page. */
const PAGES: readonly string[] = ['tree', 'blob', 'resolve', 'commit', 'raw'];
/** A POSIX path, one below the home or the current folder, `C:\…` or `\\server\…`. */
const PATH = /^(?:[/~]|\.{1,2}[\\/]|[A-Za-z]:[\\/]|\\\\)/;

function named(owner: string, name: string, revision: string | undefined): string | null {
  if (!PART.test(owner) || !PART.test(name)) return null;
  if (revision === undefined || revision === 'main') return `${owner}/${name}`;
  return REVISION.test(revision) && !revision.includes('..')
    ? `${owner}/${name}@${revision}`
    : null;
}

function fromAddress(text: string): string | null {
  const withScheme = /^https?:\/\//i.test(text)
    ? text
    : /^(?:www\.)?(?:huggingface\.co|hf\.co)\//i.test(text)
      ? `https://${text}`
      : null;
  if (withScheme === null || !URL.canParse(withScheme)) return null;
  const parts = new URL(withScheme).pathname.split('/').filter(Boolean);
  if (parts[0] === 'models') parts.shift();
  const [owner, name, page, revision] = parts;
  if (owner === undefined || name === undefined) return null;
  // A link to data or a demo would name something else.
  if (owner === 'datasets' || owner === 'spaces') return null;
  if (page === undefined) return named(owner, name, undefined);
  return PAGES.includes(page) && revision !== undefined ? named(owner, name, revision) : null;
}

/** Reads what was typed: a path, a repository by name or address, or words to search for. */
export function readTyped(text: string): Typed {
  const trimmed = text.trim();
  if (trimmed === '') return { kind: 'nothing' };
  const address = fromAddress(trimmed);
  if (address !== null) return { kind: 'repository', source: address };
  if (PATH.test(trimmed)) return { kind: 'folder', directory: trimmed };
  const found = /^([^/@\s]+)\/([^/@\s]+)(?:@(\S+))?$/.exec(trimmed);
  if (found !== null) {
    const [, owner = '', name = '', revision] = found;
    const source = named(owner, name, revision);
    if (source !== null) return { kind: 'repository', source };
  }
  return { kind: 'query', text: trimmed };
}

/** What a source is called on the screen. */
export function shownName(source: string): string {
  if (PATH.test(source)) return source.split(/[\\/]/).filter(Boolean).at(-1) ?? source;
  return source;
}
