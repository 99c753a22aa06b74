import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { WriteAt } from '../checkpoint/index.ts';
import { outputLayerCopySchema, tensorStatisticsSchema } from '../contract/checkpoint.ts';
import type { OutputLayerCopy } from '../contract/checkpoint.ts';

export const JOURNAL_FILE = 'journal.jsonl';

const headSchema = z.object({ fingerprint: z.string() });

const entrySchema = z.object({
  statistics: tensorStatisticsSchema,
  /** What the text beside double-quantized codes needs; that text is written last. */
  nestedOffset: z.number().nullable(),
});

/** A tensor whose bytes are safely on the disk. */
export type JournalEntry = z.infer<typeof entrySchema>;

const copySchema = z.object({ outputLayerCopy: outputLayerCopySchema });

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** The entries of a journal that belongs to this job; null for any other. Stops at the first line that is not sound. */
function readEntries(
  text: string,
  fingerprint: string,
): { entries: JournalEntry[]; copy: OutputLayerCopy | null; soundBytes: number } | null {
  const [first = '', ...lines] = text.split('\n');
  const head = headSchema.safeParse(parseLine(first));
  if (!head.success || head.data.fingerprint !== fingerprint) return null;
  const entries: JournalEntry[] = [];
  let copy: OutputLayerCopy | null = null;
  let soundBytes = Buffer.byteLength(first) + 1;
  // What follows the last line break is a line that was being written when the process died.
  for (const line of lines.slice(0, -1)) {
    const value = parseLine(line);
    const entry = entrySchema.safeParse(value);
    const other = copySchema.safeParse(value);
    if (entry.success) entries.push(entry.data);
    else if (other.success) copy = other.data.outputLayerCopy;
    else break;
    soundBytes += Buffer.byteLength(line) + 1;
  }
  return { entries, copy, soundBytes };
}

/**
 * The record of finished tensors beside half-made weights: a first line with the fingerprint of the job, then one line
 * per tensor. A line is only ever written after the bytes it speaks of have reached the disk.
 */
export class Journal {
  /** Tensors that an earlier run finished. */
  readonly finished: readonly JournalEntry[];
  /** The copy of the output layer that an earlier run finished; its file has yet to be hashed. */
  readonly finishedCopy: OutputLayerCopy | null;
  readonly #file: FileHandle;
  readonly #write: WriteAt;
  #end: number;
  /** The last of the lines that are being added: tensors and the copy of the output layer are made at the same time. */
  #last: Promise<void> = Promise.resolve();

  private constructor(
    file: FileHandle,
    write: WriteAt,
    finished: readonly JournalEntry[],
    finishedCopy: OutputLayerCopy | null,
    end: number,
  ) {
    this.#file = file;
    this.#write = write;
    this.finished = finished;
    this.finishedCopy = finishedCopy;
    this.#end = end;
  }

  /**
   * Opens the journal of a job.
   *
   * @returns null when the one that is there belongs to another job: everything beside it must go
   */
  static async open(file: string, fingerprint: string, write: WriteAt): Promise<Journal | null> {
    // 'a+' makes it when missing without ever emptying it; the handle for writing must not append.
    await (await open(file, 'a+')).close();
    const handle = await open(file, 'r+');
    try {
      const text = await handle.readFile('utf8');
      if (!text.includes('\n')) {
        const head = Buffer.from(`${JSON.stringify({ fingerprint })}\n`);
        await handle.truncate(0);
        await write(handle, head, 0);
        await handle.sync();
        return new Journal(handle, write, [], null, head.byteLength);
      }
      const read = readEntries(text, fingerprint);
      if (read === null) {
        await handle.close();
        return null;
      }
      await handle.truncate(read.soundBytes);
      return new Journal(handle, write, read.entries, read.copy, read.soundBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Adds tensors whose bytes are on the disk, and waits until the lines are there too. */
  async add(entries: readonly JournalEntry[]): Promise<void> {
    await this.#append(entries);
  }

  /** Adds the copy of the output layer, whose file is on the disk under its name. */
  async addCopy(outputLayerCopy: OutputLayerCopy): Promise<void> {
    await this.#append([{ outputLayerCopy }]);
  }

  async #append(entries: readonly object[]): Promise<void> {
    this.#last = this.#last.catch(() => undefined).then(() => this.#appendNow(entries));
    await this.#last;
  }

  async #appendNow(entries: readonly object[]): Promise<void> {
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    const bytes = Buffer.from(text);
    await this.#write(this.#file, bytes, this.#end);
    this.#end += bytes.byteLength;
    await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
