/** The door of app/digest. */
export { hashFile } from './hash-file.ts';
export type { HashOptions } from './hash-tensors-file.ts';
export { hashTensorsFile, joinHashes } from './hash-tensors-file.ts';
export { weightsFingerprint } from './weights-fingerprint.ts';
