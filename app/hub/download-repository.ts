import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { containerOf } from '../checkpoint/index.ts';
import { AppError, because, toAppError } from '../contract/error.ts';
import type { Progress } from '../contract/progress.ts';
import type { OnDiskFull, RoomOptions } from '../disk/index.ts';
import {
  acquireLock,
  FOLDER_LOCK_NAME,
  requireSpace,
  SPACE_MARGIN_BYTES,
  writeWithReservedSpace,
} from '../disk/index.ts';
import { ProgressMeter } from '../progress/index.ts';
import type { DownloadedFile, FileJob, Verification } from './download-file.ts';
import { bytesOnDisk, downloadFile } from './download-file.ts';
import { requireSafePath } from './file-path.ts';
import type { Hub } from './hub.ts';
import { DownloadJournal, readJournal } from './journal.ts';
import type { Repository, RepositoryFile } from './repository.ts';
import { selectFiles } from './select-files.ts';

/** One connection seldom fills a line; more than four bring no speed and look like an attack to a server. */
const PARALLEL_FILES = 4;

export interface DownloadOptions {
  readonly hub: Hub;
  readonly repository: Repository;
  /** The folder that gets the files; one folder per commit. Made where it does not exist. */
  readonly directory: string;
  /** @default what `selectFiles` takes, with the weights that the index names */
  readonly files?: readonly RepositoryFile[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Bytes that must be free besides the download, for what comes after it. */
  readonly reserveBytes?: number | undefined;
  /** Free bytes that are left over for everything else. @default 64 MiB */
  readonly marginBytes?: number | undefined;
  /** @default 'pause' */
  readonly onDiskFull?: OnDiskFull | undefined;
  /** How to wait for room; for tests. */
  readonly room?: Pick<RoomOptions, 'resumeBytes' | 'pollMs'> | undefined;
  /** @default 'recorded' */
  readonly verify?: Verification | undefined;
}

export interface Download {
  readonly directory: string;
  readonly files: readonly DownloadedFile[];
  /** Bytes of all files together. */
  readonly bytes: number;
}

async function requireRoom(
  options: DownloadOptions,
  files: readonly RepositoryFile[],
): Promise<void> {
  let missing = 0;
  for (const file of files)
    missing += file.sizeBytes - (await bytesOnDisk(options.directory, file));
  await requireSpace(
    options.directory,
    missing === 0 ? 0 : missing + (options.reserveBytes ?? 0),
    options.marginBytes ?? SPACE_MARGIN_BYTES,
  );
}

/** Downloads the files, some at a time. The first failure stops the others, and all have stopped when it is thrown. */
async function downloadAll(
  files: readonly RepositoryFile[],
  shared: Omit<FileJob, 'file'>,
  stop: () => void,
): Promise<DownloadedFile[]> {
  const results = new Map<string, DownloadedFile>();
  const errors: AppError[] = [];
  const queue = [...files];
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      try {
        results.set(file.path, await downloadFile({ ...shared, file }));
      } catch (error) {
        errors.push(toAppError(error));
        queue.length = 0;
        stop();
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_FILES }, work));
  // The others only say that they were stopped.
  if (errors[0] !== undefined) throw errors[0];
  return files.flatMap((file) => results.get(file.path) ?? []);
}

/**
 * Downloads what a pull takes of a repository. Running it again after any interruption, even kill -9 or a power cut,
 * goes on from the bytes that are there, and every file that it reports is whole and matches the hub's hash.
 *
 * A full disk pauses the download (`isPaused`) until there is room, unless `onDiskFull` is `fail`.
 *
 * @throws AppError `aborted`, `busy`, `changed-on-hub`, `checksum-mismatch`, `disk-full`, `gated`, `malformed-file`,
 *   `network`, `not-found`, `permission-denied`, `rate-limited`, `unauthorized` or `unsupported-model`
 */
export async function downloadRepository(options: DownloadOptions): Promise<Download> {
  const { hub, repository, directory } = options;
  const files = options.files ?? selectFiles(repository.files);
  for (const file of files) requireSafePath(file.path);
  requireDistinct(files);
  if (repository.gated || repository.private) await hub.checkAccess(repository, options);
  const lock = await acquireLock(path.join(directory, FOLDER_LOCK_NAME), repository.name);
  try {
    return await download(options, files);
  } finally {
    await lock.release();
  }
}

/** What is to be downloaded, by the index where there is one: it is fetched for that before anything else. */
async function withNamedShards(
  options: DownloadOptions,
  listed: readonly RepositoryFile[],
): Promise<readonly RepositoryFile[]> {
  const container = containerOf(listed.map(({ path }) => path));
  const index = listed.find((file) => file.path === container?.index?.file);
  const known = container?.index;
  if (index === undefined || !known || options.files !== undefined) return listed;
  if (index.sizeBytes > known.maxBytes) throw indexTooLarge(index, known.maxBytes);
  await fetchFiles({ ...options, onProgress: undefined }, [index]);
  const text = await readFile(path.join(options.directory, known.file));
  const files = selectFiles(options.repository.files, await known.filesIn(text));
  for (const file of files) requireSafePath(file.path);
  requireDistinct(files);
  return files;
}

function indexTooLarge({ path: name, sizeBytes }: RepositoryFile, limit: number): AppError {
  return new AppError(
    'malformed-file',
    `${name} has ${sizeBytes} bytes; ${limit} is the most that is read.`,
    because('json-too-large', { file: name, bytes: sizeBytes, limit }),
  );
}

async function download(
  options: DownloadOptions,
  listed: readonly RepositoryFile[],
): Promise<Download> {
  await requireRoom(options, listed);
  const files = await withNamedShards(options, listed);
  if (files !== listed) await requireRoom(options, files);
  return fetchFiles(options, files);
}

async function fetchFiles(
  options: DownloadOptions,
  files: readonly RepositoryFile[],
): Promise<Download> {
  const { hub, repository, directory } = options;
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const meter = new ProgressMeter({
    step: repository.name,
    phase: 'download',
    unit: 'bytes',
    total: bytes,
    onProgress: options.onProgress,
  });
  const failure = new AbortController();
  const signal =
    options.signal === undefined
      ? failure.signal
      : AbortSignal.any([options.signal, failure.signal]);
  const room: RoomOptions = {
    directory,
    onDiskFull: options.onDiskFull,
    signal,
    ...meter.waits,
    ...options.room,
  };
  const head = { endpoint: hub.endpoint, repository: repository.name, commit: repository.commit };
  const journal = new DownloadJournal(directory, head, await readJournal(directory), (write) =>
    writeWithReservedSpace(write, room),
  );
  const verify = options.verify ?? 'recorded';
  const shared = { hub, repository, directory, journal, meter, room, verify, signal };
  const downloaded = await downloadAll(files, shared, () => {
    failure.abort();
  });
  meter.finish();
  return { directory, files: downloaded, bytes };
}

/** Two names that differ only in case are one file on macOS and Windows. */
function requireDistinct(files: readonly RepositoryFile[]): void {
  const names = new Set(files.map((file) => file.path.normalize('NFC').toLowerCase()));
  if (names.size === files.length) return;
  throw new AppError(
    'malformed-file',
    'The repository has files whose names differ only in upper and lower case.',
    { remedy: 'They cannot all be stored on every disk; choose another repository.' },
  );
}
