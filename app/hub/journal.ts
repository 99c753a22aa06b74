import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../disk/index.ts';

/** Lies in the folder that it describes and belongs to it, also when the folder is moved or copied. */
export const JOURNAL_NAME = '.nibble-download.json';

const fileSchema = z.object({
  sizeBytes: z.int().nonnegative(),
  /** What the listing promised; see `expectedHash`. */
  expected: z.string(),
  /** The hub's identity of the content that the part's bytes belong to. */
  validator: z.string().nullable(),
  /** Set when the file is whole and checked. */
  done: z.object({ sha256: z.string(), mtimeMs: z.number() }).nullable(),
});
export type JournalFile = z.infer<typeof fileSchema>;

const journalSchema = z.object({
  version: z.literal(1),
  endpoint: z.string(),
  repository: z.string(),
  commit: z.string(),
  files: z.record(z.string(), fileSchema),
});
export type JournalContent = z.infer<typeof journalSchema>;

/** What a folder's journal says. @returns null when there is none that can be read */
export async function readJournal(directory: string): Promise<JournalContent | null> {
  try {
    return journalSchema.parse(
      JSON.parse(await readFile(path.join(directory, JOURNAL_NAME), 'utf8')),
    );
  } catch {
    // A lost journal costs a reading of what is there, never a download: the hashes decide.
    return null;
  }
}

/**
 * Remembers what of a download is done, so that running it again starts where the last run ended, however that ended.
 *
 * The journal saves work; it is never trusted over the files themselves. Each change is a new file that replaces the
 * old one at once, so a crash leaves the one or the other.
 */
export class DownloadJournal {
  readonly #directory: string;
  readonly #files: Map<string, JournalFile>;
  readonly #head: Omit<JournalContent, 'files'>;
  readonly #withReservedSpace: (write: () => Promise<void>) => Promise<void>;
  /** Ends with the write that is going on, whether it succeeds or not. */
  #writing: Promise<void> = Promise.resolve();
  #queued: Promise<void> | null = null;

  /** @param withReservedSpace Waits for room on the disk around a write. */
  constructor(
    directory: string,
    head: Omit<JournalContent, 'files' | 'version'>,
    known: JournalContent | null,
    withReservedSpace: (write: () => Promise<void>) => Promise<void>,
  ) {
    this.#directory = directory;
    this.#head = { version: 1, ...head };
    this.#files = new Map(Object.entries(known?.files ?? {}));
    this.#withReservedSpace = withReservedSpace;
  }

  /** @returns null for a file that no run has begun */
  file(name: string): JournalFile | null {
    return this.#files.get(name) ?? null;
  }

  /** Notes the state of a file, to be saved with the next record. */
  note(name: string, state: JournalFile): void {
    this.#files.set(name, state);
  }

  /** Records the state of a file; resolves when it is on the disk. */
  record(name: string, state: JournalFile): Promise<void> {
    this.note(name, state);
    // One write after the other. Each takes the newest state of all files, so who comes while one waits joins it.
    this.#queued ??= this.#writing.then(() => {
      this.#queued = null;
      const saved = this.#withReservedSpace(() => this.#save());
      this.#writing = saved.catch(() => undefined);
      return saved;
    });
    return this.#queued;
  }

  async #save(): Promise<void> {
    const target = path.join(this.#directory, JOURNAL_NAME);
    const content = { ...this.#head, files: Object.fromEntries(this.#files) };
    await replaceFile(target, `${JSON.stringify(content, null, 1)}\n`);
  }
}
