export { fileState, fileStateNow, isSameFile, isSameState, SETTLED_MS } from './file-state.ts';
export type { FileState } from './file-state.ts';
export { acquireLock, FOLDER_LOCK_NAME } from './lock.ts';
export type { Lock } from './lock.ts';
export { makeFolder } from './make-folder.ts';
export {
  createFile,
  makeTemporaryFile,
  replaceFile,
  replaceFileNow,
  replaceFileWith,
} from './replace-file.ts';
export {
  freeBytes,
  requireSpace,
  SPACE_MARGIN_BYTES,
  writeFully,
  writeWithReservedSpace,
} from './space.ts';
export type { OnDiskFull, RoomOptions } from './space.ts';
export { sweepFolder } from './sweep-folder.ts';
