export { lockDirectory } from './lock.ts';
export type { DirectoryLock } from './lock.ts';
export { freeBytes, requireSpace, SPACE_MARGIN_BYTES, writeFully, writeWithRoom } from './space.ts';
export type { OnDiskFull, RoomOptions } from './space.ts';
