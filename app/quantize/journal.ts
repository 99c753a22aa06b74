import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { WriteAt } from '../checkpoint/index.ts';
import { tensorStatisticsSchema } from '../contract/checkpoint.ts';

export const JOURNAL_FILE = 'journal.jsonl';

const headSchema = z.object({ fingerprint: z.string() });

const entrySchema = z.object({
  statistics: tensorStatisticsSchema,
  /** What the text beside double-quantized codes needs; that text is written last. */
  nestedOffset: z.number().nullable(),
});

/** A tensor whose bytes are safely on the disk. */
export type JournalEntry = z.infer<typeof entrySchema>;

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
): { entries: JournalEntry[]; soundBytes: number } | null {
  const [first = '', ...lines] = text.split('\n');
  const head = headSchema.safeParse(parseLine(first));
  if (!head.success || head.data.fingerprint !== fingerprint) return null;
  const entries: JournalEntry[] = [];
  let soundBytes = Buffer.byteLength(first) + 1;
  // What follows the last line break is a line that was being written when the process died.
  for (const line of lines.slice(0, -1)) {
    const entry = entrySchema.safeParse(parseLine(line));
    if (!entry.success) break;
    entries.push(entry.data);
    soundBytes += Buffer.byteLength(line) + 1;
  }
  return { entries, soundBytes };
}

/**
 * The record of finished tensors beside half-made weights: a first line with the fingerprint of the job, then one line
 * per tensor. A line is only ever written after the bytes it speaks of have reached the disk.
 */
export class Journal {
  /** Tensors that an earlier run finished. */
  readonly finished: readonly JournalEntry[];
  readonly #file: FileHandle;
  readonly #write: WriteAt;
  #end: number;

  private constructor(
    file: FileHandle,
    write: WriteAt,
    finished: readonly JournalEntry[],
    end: number,
  ) {
    this.#file = file;
    this.#write = write;
    this.finished = finished;
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
        return new Journal(handle, write, [], head.byteLength);
      }
      const read = readEntries(text, fingerprint);
      if (read === null) {
        await handle.close();
        return null;
      }
      await handle.truncate(read.soundBytes);
      return new Journal(handle, write, read.entries, read.soundBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Adds tensors whose bytes are on the disk, and waits until the lines are there too. */
  async add(entries: readonly JournalEntry[]): Promise<void> {
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
