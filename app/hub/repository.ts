import { z } from 'zod';

/** One file of a repository, as the hub lists it. At least one hash is known on every real hub. */
export interface RepositoryFile {
  /** Path within the repository, with forward slashes. Comes from a stranger: see `requireSafePath`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** sha256 of the content; known for large files (Git LFS). */
  readonly sha256: string | null;
  /** git's name for the content, sha1 of `blob <size>\0` + content; known for small files. */
  readonly gitBlobSha1: string | null;
}

/** A repository at one commit. */
export interface Repository {
  /** `owner/name`. */
  readonly name: string;
  /** What was asked for: a branch, a tag or a commit. */
  readonly revision: string;
  /** The full hash that `revision` stood for. */
  readonly commit: string;
  /** Whether its files ask for the acceptance of terms. Listing works without. */
  readonly gated: boolean;
  readonly private: boolean;
  readonly license: string | null;
  readonly files: readonly RepositoryFile[];
}

/** Commits are put into paths and compared: nothing but a full hash will do. */
export const commitSchema = z.string().regex(/^[0-9a-f]{40}$/);

/** The parts of the Hub's answers that Nibble uses. Everything else is dropped, whatever it is. */
export const modelInfoSchema = z.object({
  name: z.string().max(200),
  sha: commitSchema,
  private: z.boolean().catch(false),
  gated: z.union([z.boolean(), z.string()]).catch(false),
  cardData: z
    .object({ license: z.string().max(200) })
    .optional()
    .catch(undefined),
  tags: z.array(z.string()).catch([]),
});

export const treeEntrySchema = z.object({
  type: z.string(),
  path: z.string().max(4096),
  size: z.int().nonnegative().default(0),
  oid: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional()
    .catch(undefined),
  lfs: z
    .object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative() })
    .optional(),
});

export const modelEntrySchema = z.object({
  name: z.string().max(200),
  downloads: z.number().nonnegative().catch(0),
  likes: z.number().nonnegative().catch(0),
  gated: z.union([z.boolean(), z.string()]).catch(false),
  task: z.string().max(200).optional().catch(undefined),
  updatedAt: z.date().optional().catch(undefined),
});

/** The hub says `false`, `"auto"` or `"manual"`; anything but false asks for acceptance. */
export function isGated(gated: boolean | string): boolean {
  return gated !== false && gated !== '';
}

/** One file of a repository from an entry of its listing, null for folders. */
export function repositoryFile(entry: z.infer<typeof treeEntrySchema>): RepositoryFile | null {
  if (entry.type !== 'file') return null;
  return {
    path: entry.path,
    sizeBytes: entry.lfs?.size ?? entry.size,
    sha256: entry.lfs?.oid ?? null,
    // For a large file git only knows the pointer to it.
    gitBlobSha1: entry.lfs === undefined ? (entry.oid ?? null) : null,
  };
}
