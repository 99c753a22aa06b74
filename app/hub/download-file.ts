import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError, toAppError } from '../contract/error.ts';
import type { RoomOptions } from '../disk/index.ts';
import { writeWithReservedSpace } from '../disk/index.ts';
import type { ProgressMeter } from '../progress/index.ts';
import { BLOCK_BYTES, ContentHash, expectedHash, hashFileHandle } from './content-hash.ts';
import type { Hub } from './hub.ts';
import type { DownloadJournal } from './journal.ts';
import { PartFile } from './part-file.ts';
import type { Repository, RepositoryFile } from './repository.ts';
import { TransientError, withRetries } from './retry.ts';

/** A file of a finished download. */
export interface DownloadedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** `recorded`: a file whose size and time are those in the journal is taken as it is. `full`: every file is hashed. */
export type Verification = 'recorded' | 'full';

export interface FileJob {
  readonly hub: Hub;
  readonly repository: Repository;
  readonly file: RepositoryFile;
  readonly directory: string;
  readonly journal: DownloadJournal;
  readonly meter: ProgressMeter;
  readonly room: RoomOptions;
  readonly verify: Verification;
  readonly signal: AbortSignal;
}

/** The bytes that came are not those that the listing promised. */
class ContentMismatch extends Error {
  readonly found: string;

  constructor(found: string) {
    super(found);
    this.found = found;
  }
}

/** A second download often cures a wrong checksum (a bad proxy, a bad bit); a third never did. */
const ROUNDS = 2;

export function partPathOf(directory: string, file: RepositoryFile): string {
  return `${path.join(directory, file.path)}.part`;
}

async function sizeOf(file: string): Promise<number | null> {
  try {
    const found = await stat(file);
    return found.isFile() ? found.size : null;
  } catch {
    return null;
  }
}

/** Bytes of a file that an earlier run has left, whole or in part, before they have been checked. */
export async function bytesOnDisk(directory: string, file: RepositoryFile): Promise<number> {
  const whole = await sizeOf(path.join(directory, file.path));
  if (whole === file.sizeBytes) return whole;
  return Math.min(file.sizeBytes, (await sizeOf(partPathOf(directory, file))) ?? 0);
}

/** Looks whether the file is there already. @returns null when it must be downloaded */
async function findFinished(job: FileJob): Promise<DownloadedFile | null> {
  const { file, directory, journal, meter, signal } = job;
  const target = path.join(directory, file.path);
  const found = await stat(target).catch(() => null);
  if (found?.isFile() !== true || found.size !== file.sizeBytes) return null;
  const known = journal.file(file.path);
  if (
    job.verify === 'recorded' &&
    known?.done?.mtimeMs === found.mtimeMs &&
    known.expected === expectedHash(file)
  ) {
    meter.skip(file.sizeBytes, file.path);
    return { path: file.path, sizeBytes: file.sizeBytes, sha256: known.done.sha256 };
  }
  const handle = await open(target, 'r');
  try {
    const hash = new ContentHash(file);
    const read = await hashFileHandle(handle, found.size, hash, {
      signal,
      onBytes: (bytes) => {
        meter.skip(bytes, `checking ${file.path}`);
      },
    });
    const { sha256, matches } = hash.finish();
    // Without a hash to compare with, only the journal can say that this is the file that was downloaded.
    const isKnown = expectedHash(file) !== 'none' || known?.done?.sha256 === sha256;
    if (matches && isKnown && read === file.sizeBytes) return await recordDone(job, sha256);
    meter.retract(read);
    return null;
  } finally {
    await handle.close();
  }
}

async function recordDone(job: FileJob, sha256: string): Promise<DownloadedFile> {
  const { file, directory, journal } = job;
  const { mtimeMs } = await stat(path.join(directory, file.path));
  await journal.record(file.path, {
    sizeBytes: file.sizeBytes,
    expected: expectedHash(file),
    validator: journal.file(file.path)?.validator ?? null,
    done: { sha256, mtimeMs },
  });
  return { path: file.path, sizeBytes: file.sizeBytes, sha256 };
}

/** One request: brings as many of the missing bytes as the server sends. */
async function receive(job: FileJob, part: PartFile, progressed: () => void): Promise<void> {
  const { hub, repository, file, journal, signal } = job;
  if (part.isWhole) return;
  const known = journal.file(file.path)?.validator ?? null;
  const open = () =>
    hub.openFile(repository.name, repository.commit, file.path, {
      start: part.length,
      validator: known,
      signal,
    });
  let opened = await open();
  const isOther =
    opened.kind === 'past-end' ||
    (opened.start > 0 && known !== null && opened.validator !== null && opened.validator !== known);
  if (isOther) {
    if (opened.kind === 'bytes') opened.close();
    await part.restart();
    opened = await open();
  }
  if (opened.kind === 'past-end') throw new ContentMismatch('an empty file');
  try {
    if (opened.sizeBytes !== null && opened.sizeBytes !== file.sizeBytes)
      throw new ContentMismatch(`${opened.sizeBytes} bytes`);
    if (opened.start === 0 && part.length > 0) await part.restart();
    journal.note(file.path, begun(file, opened.validator));
    // A file of one block is asked for again as a whole sooner than a journal is written.
    if (opened.validator !== known && file.sizeBytes > BLOCK_BYTES)
      await journal.record(file.path, begun(file, opened.validator));
    await fill(part, opened.body(), file, progressed);
  } finally {
    opened.close();
  }
}

async function fill(
  part: PartFile,
  body: AsyncGenerator<Uint8Array, void, undefined>,
  file: RepositoryFile,
  progressed: () => void,
): Promise<void> {
  const startedAt = part.length;
  try {
    for await (const piece of body) {
      if (part.length + piece.byteLength > file.sizeBytes)
        throw new ContentMismatch(`more than ${file.sizeBytes} bytes`);
      await part.append(piece);
      // Less than a block is no progress to speak of: a server that sends a byte at a time must not go on for ever.
      if (part.length - startedAt >= BLOCK_BYTES) progressed();
    }
  } finally {
    // What has arrived is kept, whatever ended the request.
    await part.flush();
  }
  if (!part.isWhole)
    throw new TransientError(
      'network',
      `The download of ${file.path} broke off at ${part.length} of ${file.sizeBytes} bytes.`,
      { remedy: 'Try again: it goes on from there.' },
    );
}

function begun(
  file: RepositoryFile,
  validator: string | null,
): Parameters<DownloadJournal['record']>[1] {
  return { sizeBytes: file.sizeBytes, expected: expectedHash(file), validator, done: null };
}

async function receiveAll(job: FileJob, part: PartFile): Promise<string> {
  await withRetries((progressed) => receive(job, part, progressed), {
    policy: job.hub.retry,
    signal: job.signal,
    onWait: (error, waitMs) => {
      job.meter.announce(`${error.message} Trying again in ${Math.ceil(waitMs / 1000)} s.`);
    },
  });
  const { sha256, actual, matches } = await part.finish();
  if (!matches) throw new ContentMismatch(actual);
  return sha256;
}

/** A rename is only safe on the disk when the folder that holds the name is; Windows has no such thing. */
async function syncFolder(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Brings one file of a repository to the disk, checked against the listing's hash. Bytes of an earlier run are kept: a
 * finished file is recognized, a part is continued.
 *
 * @throws AppError `checksum-mismatch`, or `changed-on-hub` when the hub itself serves another content than it listed
 */
export async function downloadFile(job: FileJob): Promise<DownloadedFile> {
  const { file, directory, journal, meter, room, signal } = job;
  const finished = await findFinished(job);
  if (finished !== null) return finished;
  const target = path.join(directory, file.path);
  const partPath = partPathOf(directory, file);
  await writeWithReservedSpace(() => mkdir(path.dirname(target), { recursive: true }), room);

  const known = journal.file(file.path);
  const isSame = known === null || known.expected === expectedHash(file);
  // A part of unknown origin is kept where a hash will tell whether it belongs here.
  let keep = isSame && (known !== null || expectedHash(file) !== 'none');
  journal.note(file.path, begun(file, isSame ? (known?.validator ?? null) : null));

  const validators = new Set<string | null>();
  let mismatch = '';
  for (let round = 0; round < ROUNDS; round++) {
    const part = await PartFile.open({ file, partPath, room, meter, signal }, keep);
    try {
      const sha256 = await receiveAll(job, part);
      await part.close();
      await rename(partPath, target);
      await syncFolder(path.dirname(target));
      return await recordDone(job, sha256);
    } catch (error) {
      if (!(error instanceof ContentMismatch)) throw toAppError(error);
      mismatch = error.found;
      meter.retract(part.length);
      keep = false;
    } finally {
      await part.close().catch(() => undefined);
    }
    await rm(partPath, { force: true });
    validators.add(journal.file(file.path)?.validator ?? null);
  }
  throw mismatchError(job, mismatch, validators.size > 1);
}

function mismatchError(job: FileJob, found: string, changed: boolean): AppError {
  const { file, repository } = job;
  const promised = `${file.sizeBytes} bytes, ${expectedHash(file)}`;
  if (changed)
    return new AppError(
      'changed-on-hub',
      `${file.path} of ${repository.name} changed while it was downloaded: ${promised} was listed, ${found} came.`,
      { remedy: 'Try again to get the present state.' },
    );
  return new AppError(
    'checksum-mismatch',
    `${file.path} of ${repository.name} is damaged: ${promised} was listed, ${found} came, twice. It was deleted.`,
    { remedy: 'Try again later or over another network; if it stays so, report it to the owner.' },
  );
}
