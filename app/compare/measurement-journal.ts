import { mkdir, open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError } from '../contract/error.ts';
import { acquireLock, writeFully, type Lock, type RoomOptions } from '../disk/index.ts';

const headSchema = z.object({ identity: z.string() });

const windowSchema = z.object({
  /** Of each scored token, in order; JSON gives a float64 back to the bit. */
  losses: z.array(z.number()),
  /** Of each scored token; empty without a reference. */
  divergences: z.array(z.tuple([z.number(), z.boolean()])),
});

/** What one window of a measurement gave. */
export type MeasuredWindow = z.infer<typeof windowSchema>;

function parseLine<S extends z.ZodType>(schema: S, line: string): z.output<S> | null {
  try {
    const parsed = schema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/**
 * The windows of a measurement that are done, so that one that was paused or killed goes on with the next. What is read
 * back are the very figures of each token: summed up again in their order, they give the same result to the bit.
 */
export class MeasurementJournal {
  /** Windows that an earlier run has measured, from the first on. */
  readonly finished: readonly MeasuredWindow[];
  readonly #file: FileHandle;
  readonly #lock: Lock;
  readonly #room: RoomOptions;
  #end: number;

  private constructor(
    handle: FileHandle,
    lock: Lock,
    room: RoomOptions,
    finished: readonly MeasuredWindow[],
    end: number,
  ) {
    this.#file = handle;
    this.#lock = lock;
    this.#room = room;
    this.finished = finished;
    this.#end = end;
  }

  /**
   * Opens the journal of a measurement.
   *
   * @param identity what the figures depend on: a journal of anything else is begun anew
   * @returns null while another process measures the same
   */
  static async open(
    file: string,
    identity: string,
    room: RoomOptions,
  ): Promise<MeasurementJournal | null> {
    await mkdir(path.dirname(file), { recursive: true });
    let lock: Lock;
    try {
      lock = await acquireLock(`${file}.lock`, path.basename(file));
    } catch (error) {
      if (error instanceof AppError && error.code === 'busy') return null;
      throw error;
    }
    try {
      // 'a+' makes it when missing without ever emptying it; the handle for writing must not append.
      await (await open(file, 'a+')).close();
      const handle = await open(file, 'r+');
      try {
        return await MeasurementJournal.#read(handle, lock, identity, room);
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  static async #read(
    handle: FileHandle,
    lock: Lock,
    identity: string,
    room: RoomOptions,
  ): Promise<MeasurementJournal> {
    const [first = '', ...lines] = (await handle.readFile('utf8')).split('\n');
    const finished: MeasuredWindow[] = [];
    let end = Buffer.byteLength(first) + 1;
    if (lines.length > 0 && parseLine(headSchema, first)?.identity === identity) {
      // What follows the last line break is a line that was being written when the process died.
      for (const line of lines.slice(0, -1)) {
        const window = parseLine(windowSchema, line);
        if (window === null) break;
        finished.push(window);
        end += Buffer.byteLength(line) + 1;
      }
    } else {
      const head = Buffer.from(`${JSON.stringify({ identity })}\n`);
      await handle.truncate(0);
      await writeFully(handle, head, 0, room);
      end = head.byteLength;
    }
    await handle.truncate(end);
    return new MeasurementJournal(handle, lock, room, finished, end);
  }

  /** Adds the next window. */
  async add(window: MeasuredWindow): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(window)}\n`);
    await writeFully(this.#file, bytes, this.#end, this.#room);
    this.#end += bytes.byteLength;
  }

  /** Lets go of it; the next run goes on from there. */
  async close(): Promise<void> {
    await this.#file.close();
    await this.#lock.release();
  }
}
