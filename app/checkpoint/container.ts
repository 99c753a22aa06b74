import type { TensorInfo } from '../contract/checkpoint.ts';

/** Reads bytes [start, end) of one file. */
export type ReadRange = (start: number, end: number) => Promise<Uint8Array>;

/** Where a checkpoint's files are: a folder, or a repository on a hub. Only names at its top are asked for. */
export interface CheckpointSource {
  /** Names it in errors. */
  readonly name: string;
  /** Bytes that a first read of a file takes: little on a disk, more where each request costs a journey. */
  readonly firstReadBytes: number;
  /** Files that are read at a time. */
  readonly parallelReads: number;
  /** Bytes of a file, or null where there is none. @throws AppError `malformed-file` for what is no regular file */
  sizeOf: (name: string) => Promise<number | null>;
  /** A small file, or null where there is none. @throws AppError `malformed-file` when it is larger than `maxBytes` */
  readSmall: (name: string, maxBytes: number) => Promise<Uint8Array | string | null>;
  /** Opens a file while `use` reads parts of it. */
  withFile: <T>(name: string, use: (read: ReadRange) => Promise<T>) => Promise<T>;
  /** The error for a file that should be there. */
  missing: (name: string) => Error;
  /** Hears which files hold the tensors before they are read. */
  onFiles?: (names: readonly string[]) => void;
  /** Hears of each file whose tensors are known. */
  onRead?: (name: string) => void;
}

/** What a container's headers say: nothing of a tensor's bytes has been read yet. */
export interface ContainerContents {
  /** config.json, or what stands in its place, parsed but not checked. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly configText: string;
  /** Files that hold tensors, in the order in which they are numbered. */
  readonly files: readonly string[];
  /** In the order of the files, and within each in the order of the bytes. */
  readonly tensors: readonly TensorInfo[];
  /** Texts that lie inside of it in place of files beside it (`tokenizer.json`, ...), by the file's name. */
  readonly auxiliary: ReadonlyMap<string, string>;
}

/** The file that names the files with weights, where a container has one. */
export interface ContainerIndex {
  readonly file: string;
  /** More is refused unread. */
  readonly maxBytes: number;
  /** The names that it gives, checked to be bare ones. @throws AppError `malformed-file` */
  readonly filesIn: (text: Uint8Array | string) => Promise<readonly string[]>;
}

/** A way to store tensors in files (safetensors, ...): everything that is known of it stands behind this. */
export interface Container {
  readonly id: string;
  /** What hubs tag repositories with that have it. */
  readonly hubTag: string;
  /** The names that a model's weights begin with, as a person is told: `model.safetensors`, ... */
  readonly expects: string;
  readonly index: ContainerIndex | null;
  /** Files beside the weights that nothing can be done without. */
  readonly required: readonly string[];
  /** Whether a file of this name holds tensors in it. */
  isWeightsFile: (name: string) => boolean;
  /**
   * Which of the files at the top of a listing hold a model's weights, once, with the index.
   *
   * @param indexed what the index names, where it was read. @default those whose names are as usual
   * @returns none when there is no model in this container; names of the index may be missing in the listing
   */
  weightsAmong: (names: readonly string[], indexed?: readonly string[]) => readonly string[];
  /** Reads and checks all headers. @throws AppError `not-found`, `malformed-file` */
  read: (source: CheckpointSource) => Promise<ContainerContents>;
}
