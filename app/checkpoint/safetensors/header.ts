import { AppError, because } from '../../contract/error.ts';
import { dtypeBytes, dtypes } from '../../contract/checkpoint.ts';
import type { Dtype, TensorInfo } from '../../contract/checkpoint.ts';
import { lfsPointer, parseJson, parseJsonHere } from '../../json/index.ts';
import type { ParseJsonOptions } from '../../json/index.ts';

/** The header's length stands in front of it as a little-endian uint64. */
export const HEADER_PREFIX_BYTES = 8;

/** The format allows 100 MB. The largest checkpoints published have headers of a few megabytes. */
const MAX_HEADER_BYTES = 32 * 1024 * 1024;

/** Mixture-of-experts checkpoints reach some ten thousand tensors per file. */
const MAX_TENSORS = 250_000;

/** Per tensor: name, object, type, two lists with up to ten numbers, three keys. */
const MAX_VALUES = 16 * MAX_TENSORS;

/** Names are module paths of about 60 characters; they end up in tables, file names and error messages. */
const MAX_NAME_LENGTH = 512;

/** Convolutions over video need five; nothing published needs more. */
const MAX_DIMENSIONS = 8;

/** Names that mean something to JavaScript objects rather than to a model. */
const reservedNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const knownDtypes: ReadonlySet<string> = new Set(dtypes);

/** What a safetensors file says of itself: its tensors in the order of their bytes, and the free text beside them. */
export interface SafetensorsHeader {
  readonly tensors: TensorInfo[];
  readonly metadata: Record<string, string>;
}

const REMEDY =
  'The file is damaged or not a safetensors file: download it again, or ask its author for a good copy.';

function malformed(fileName: string, what: string, cause?: unknown): AppError {
  return new AppError(
    'malformed-file',
    `${fileName}: ${what}`,
    because('damaged-header', { file: fileName }, { remedy: REMEDY, cause }),
  );
}

function cutShort(fileName: string, what: string, bytes: number, expected: number): AppError {
  return new AppError(
    'malformed-file',
    `${fileName}: ${what}`,
    because('file-cut-short', { file: fileName, bytes, expected }, { remedy: REMEDY }),
  );
}

/** First bytes of the small text that Git LFS leaves in the place of a large file. */
const LFS_POINTER = new TextEncoder().encode('version ');

function isLfsPointer(bytes: Uint8Array): boolean {
  return LFS_POINTER.every((byte, at) => bytes[at] === byte);
}

/**
 * The length of the header from the first 8 bytes of a file, checked before anyone reads or allocates that much.
 *
 * @param fileSize Bytes of the whole file, as the disk or the hub reports it.
 * @throws AppError `malformed-file`
 */
export function safetensorsHeaderBytes(
  bytes: Uint8Array,
  fileSize: number,
  fileName: string,
): number {
  if (fileSize < HEADER_PREFIX_BYTES || bytes.byteLength < HEADER_PREFIX_BYTES)
    throw malformed(
      fileName,
      `it has ${Math.min(fileSize, bytes.byteLength)} bytes, fewer than the ${HEADER_PREFIX_BYTES} that every safetensors file starts with.`,
    );
  if (isLfsPointer(bytes)) throw lfsPointer(fileName);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_PREFIX_BYTES);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    throw malformed(
      fileName,
      `its header claims ${length} bytes; ${MAX_HEADER_BYTES} is the most that is read.`,
    );
  if (length > BigInt(fileSize - HEADER_PREFIX_BYTES))
    throw malformed(
      fileName,
      `its header claims ${length} bytes, but the file has only ${fileSize}.`,
    );
  return Number(length);
}

/** How the text of a header is read: as serde_json does it in the reference. */
function jsonOptions(fileName: string): ParseJsonOptions {
  return {
    name: fileName,
    subject: 'its header',
    maxBytes: MAX_HEADER_BYTES,
    maxValues: MAX_VALUES,
    strict: true,
    duplicateKeys: 'refuse',
    remedy: REMEDY,
  };
}

/**
 * Reads the header of a safetensors file from its first bytes.
 *
 * @param bytes The start of the file, at least to the end of the header.
 * @param fileSize Bytes of the whole file: every tensor must lie within it and nothing may be left over.
 * @throws AppError `malformed-file`, naming the file and the tensor
 */
export async function readSafetensorsHeader(
  bytes: Uint8Array,
  fileSize: number,
  fileName: string,
): Promise<SafetensorsHeader> {
  const header = headerText(bytes, fileSize, fileName);
  const parsed = await parseJson(header, jsonOptions(fileName));
  return headerOf(parsed, header.byteLength, fileSize, fileName);
}

/** The same on this thread, for headers that are small by their place. */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  fileSize: number,
  fileName: string,
): SafetensorsHeader {
  const header = headerText(bytes, fileSize, fileName);
  const parsed = parseJsonHere(header, jsonOptions(fileName));
  return headerOf(parsed, header.byteLength, fileSize, fileName);
}

/** The JSON bytes of the header, without the 8 bytes in front. */
function headerText(bytes: Uint8Array, fileSize: number, fileName: string): Uint8Array {
  const length = safetensorsHeaderBytes(bytes, fileSize, fileName);
  const end = HEADER_PREFIX_BYTES + length;
  if (bytes.byteLength < end)
    throw malformed(
      fileName,
      `its header needs ${end} bytes, but only ${bytes.byteLength} could be read.`,
    );
  const header = bytes.subarray(HEADER_PREFIX_BYTES, end);
  // The format demands a brace as the first byte; this also keeps out a byte order mark, which decoders swallow.
  if (header[0] !== 0x7b)
    throw malformed(fileName, 'its header is not a JSON object (it does not start with a brace).');
  return header;
}

function headerOf(
  parsed: unknown,
  headerBytes: number,
  fileSize: number,
  fileName: string,
): SafetensorsHeader {
  const entries = isRecord(parsed) ? Object.entries(parsed) : [];
  if (entries.length > MAX_TENSORS)
    throw malformed(
      fileName,
      `it lists ${entries.length} tensors; ${MAX_TENSORS} is the most that is read.`,
    );
  const dataStart = HEADER_PREFIX_BYTES + headerBytes;
  let metadata: Record<string, string> = {};
  const tensors: TensorInfo[] = [];
  for (const [name, value] of entries) {
    if (name === '__metadata__') metadata = readMetadata(value, fileName);
    else tensors.push(readEntry(name, value, dataStart, fileName));
  }
  tensors.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  requireContiguous(tensors, dataStart, fileSize, fileName);
  return { tensors, metadata };
}

function readMetadata(value: unknown, fileName: string): Record<string, string> {
  if (!isRecord(value)) throw malformed(fileName, '__metadata__ is not an object.');
  const entries = Object.entries(value);
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
    throw malformed(fileName, '__metadata__ holds something else than text.');
  return Object.fromEntries(entries);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && knownDtypes.has(value);
}

function requireName(name: string, fileName: string): void {
  // Names are printed on terminals: control characters could forge output there.
  // eslint-disable-next-line no-control-regex
  const isPrintable = !/[\u0000-\u001f\u007f-\u009f]/.test(name);
  if (name.length > 0 && name.length <= MAX_NAME_LENGTH && isPrintable && !reservedNames.has(name))
    return;
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  throw malformed(
    fileName,
    `a tensor cannot be called ${shown} (1 to ${MAX_NAME_LENGTH} printable characters, and no reserved word).`,
  );
}

function readEntry(name: string, value: unknown, dataStart: number, fileName: string): TensorInfo {
  requireName(name, fileName);
  const bad = (what: string): AppError => malformed(fileName, `tensor ${name} ${what}`);
  if (!isRecord(value)) throw bad('is not described by an object.');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype))
    throw bad(`has the unknown type ${JSON.stringify(dtype)}; known are ${dtypes.join(', ')}.`);
  if (!Array.isArray(shape) || shape.length > MAX_DIMENSIONS)
    throw bad(`has no shape of at most ${MAX_DIMENSIONS} dimensions.`);
  if (!shape.every(isSize))
    throw bad(`has a shape that is not made of sizes: ${JSON.stringify(shape)}.`);
  const byteLength = tensorBytes(dtype, shape);
  if (byteLength === null) throw bad(`is too large to be true: ${JSON.stringify(shape)}.`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    throw bad(`has no pair of data_offsets.`);
  const [begin = 0, end = 0] = offsets;
  if (end - begin !== byteLength)
    throw bad(
      `takes ${end - begin} bytes by its offsets, but ${byteLength} by its type and shape (${dtype} [${shape.join(', ')}]).`,
    );
  return { name, dtype, shape, file: fileName, byteOffset: dataStart + begin, byteLength };
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Bytes of a tensor; null when the product leaves the range in which numbers are exact. */
export function tensorBytes(dtype: Dtype, shape: readonly number[]): number | null {
  let bytes = dtypeBytes[dtype];
  // Zeros are left to the end: a zero after an absurd size must not hide it.
  for (const size of shape) {
    if (size === 0) continue;
    bytes *= size;
    if (!Number.isSafeInteger(bytes)) return null;
  }
  return shape.includes(0) ? 0 : bytes;
}

function requireContiguous(
  tensors: readonly TensorInfo[],
  dataStart: number,
  fileSize: number,
  fileName: string,
): void {
  let expected = dataStart;
  let previous = 'the header';
  for (const { name, byteOffset, byteLength } of tensors) {
    if (byteOffset + byteLength > fileSize)
      throw cutShort(
        fileName,
        `tensor ${name} ends at byte ${byteOffset + byteLength}, but the file has only ${fileSize}: it was cut short.`,
        fileSize,
        tensors.reduce((end, tensor) => Math.max(end, tensor.byteOffset + tensor.byteLength), 0),
      );
    if (byteOffset < expected) throw malformed(fileName, `tensor ${name} overlaps ${previous}.`);
    if (byteOffset > expected)
      throw malformed(fileName, `there is a hole between ${previous} and tensor ${name}.`);
    expected = byteOffset + byteLength;
    previous = `tensor ${name}`;
  }
  if (expected !== fileSize)
    throw malformed(fileName, `its tensors end at byte ${expected}, but the file has ${fileSize}.`);
}
