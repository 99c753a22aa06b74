import { AppError } from '../contract/error.ts';

export const DEFAULT_REVISION = 'main';

/** The Hub allows 96 characters per part; a mirror may allow more, but nothing sane needs this many. */
const MAX_NAME_LENGTH = 200;

/** Letters, digits, `-`, `_` and `.`; never starting or ending with a dot or dash, so `.` and `..` cannot be a part. */
const PART = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/;

/** What git allows in a branch or tag, less everything that would need care in a URL. */
const REVISION = /^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$/;

/** Page kinds of the Hub's web site that may stand between a repository's name and a revision. */
const PAGES = new Set(['tree', 'blob', 'resolve', 'commit', 'raw']);

/** Those of them whose address ends with a file. */
const FILE_PAGES = new Set(['blob', 'resolve', 'raw']);

const USUAL_BRANCHES = new Set([DEFAULT_REVISION, 'master']);

const COMMIT = /^[0-9a-f]{40}$/;

export interface RepositoryName {
  /** `owner/name`. */
  readonly name: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

function isName(text: string): boolean {
  const parts = text.split('/');
  return (
    parts.length === 2 &&
    text.length <= MAX_NAME_LENGTH &&
    parts.every((part) => PART.test(part) && !part.includes('..') && !part.includes('--'))
  );
}

function isRevision(text: string): boolean {
  return REVISION.test(text) && !text.includes('..') && !text.includes('//');
}

function fromUrl(text: string): RepositoryName | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  let parts: string[];
  try {
    parts = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return null;
  }
  if (parts[0] === 'models') parts.shift();
  const [owner, name, page, ...rest] = parts;
  if (owner === undefined || name === undefined) return null;
  if (page === undefined) return { name: `${owner}/${name}`, revision: DEFAULT_REVISION };
  if (!PAGES.has(page) || rest[0] === undefined) return null;
  return { name: `${owner}/${name}`, revision: revisionOf(page, rest) };
}

/**
 * The revision in the address of a page. A branch may have slashes, and so may the path that follows: git allows no
 * branch `main/x` beside `main`, so what begins with a usual name or is a commit ends there. Otherwise pages of files
 * end with a file, and pages of folders are those of the whole repository.
 */
function revisionOf(page: string, parts: readonly string[]): string {
  const [first = '', ...more] = parts;
  if (USUAL_BRANCHES.has(first) || COMMIT.test(first) || first.includes('/') || more.length === 0)
    return first;
  return (FILE_PAGES.has(page) ? parts.slice(0, -1) : parts).join('/');
}

function parse(text: string): RepositoryName | null {
  const trimmed = text.trim();
  if (/^https?:\/\//i.test(trimmed)) {
    const named = fromUrl(trimmed);
    return named !== null && isName(named.name) && isRevision(named.revision) ? named : null;
  }
  const at = trimmed.indexOf('@');
  const name = at < 0 ? trimmed : trimmed.slice(0, at);
  const revision = at < 0 ? DEFAULT_REVISION : trimmed.slice(at + 1);
  return isName(name) && isRevision(revision) ? { name, revision } : null;
}

/** Whether `text` names a repository: `owner/name`, `owner/name@revision`, or the address of its page on a hub. */
export function isRepositoryName(text: string): boolean {
  return parse(text) !== null;
}

/** The public hub has several names. */
const HUB_NAMES = new Set(['huggingface.co', 'www.huggingface.co', 'hf.co']);

/**
 * The host that the address of a page names, where requests go to another one: the hub that is set decides, and never
 * the address.
 *
 * @param text What a person named.
 * @param endpoint The hub that is set.
 * @returns null for what is no address, or one of the hub that is set
 */
export function otherHubOf(text: string, endpoint: string): string | null {
  const trimmed = text.trim();
  if (!/^https?:\/\//i.test(trimmed) || !URL.canParse(trimmed)) return null;
  const named = new URL(trimmed).host;
  const asked = new URL(endpoint).host;
  return named === asked || (HUB_NAMES.has(named) && HUB_NAMES.has(asked)) ? null : named;
}

/**
 * Reads a repository's name; the revision is `main` where none is given.
 *
 * @throws AppError `invalid-input`
 */
export function parseRepositoryName(text: string): RepositoryName {
  const parsed = parse(text);
  if (parsed !== null) return parsed;
  throw new AppError(
    'invalid-input',
    `${JSON.stringify(text.slice(0, MAX_NAME_LENGTH))} does not name a repository.`,
    {
      remedy:
        'Write owner/name, owner/name@revision, or paste the address of the model’s page, e.g. HuggingFaceTB/SmolLM2-135M-Instruct.',
    },
  );
}
