import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../../contract/error.ts';
import type { Dtype } from '../../contract/checkpoint.ts';
import { HEADER_PREFIX_BYTES, tensorBytes } from './header.ts';

/** Tensors start on cache lines where their sizes allow it: AVX-512 reads whole ones. */
const ALIGNMENT_BYTES = 64;

/** A tensor that is going to be written. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /**
   * True for one-dimensional U8 text whose length is known only when everything else is written; `shape[0]` is then
   * the most it can have.
   */
  readonly isVariable?: boolean;
}

/** Where a tensor will lie. Offsets count from the start of the file; variable tensors get theirs with the header. */
export interface PlacedTensor extends TensorSpec {
  readonly byteOffset: number | null;
  readonly byteLength: number;
}

/**
 * A safetensors file laid out before its first byte is written.
 *
 * ```
 * 0          8                    fixedStart (multiple of 64)                        fileBytes
 * | length   | JSON, spaces | variable tensors | fixed tensors, best aligned first   |
 * ```
 *
 * Fixed tensors have their final place from the start. Variable ones are packed against them at the end, and the
 * header's padding takes up what they did not need: the size of the file never depends on their contents.
 */
export interface SafetensorsLayout {
  readonly fileBytes: number;
  readonly fixedStart: number;
  /** In the order of the file: variable tensors, then fixed ones. */
  readonly tensors: readonly PlacedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

function largestPowerOfTwo(bytes: number): number {
  let power = ALIGNMENT_BYTES;
  while (bytes % power !== 0) power /= 2;
  return power;
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/**
 * Lays out a file.
 *
 * Tensors whose size is a multiple of 64 come first, then multiples of 32 and so on, each group in the given order:
 * the format forbids holes, and this way each tensor is aligned as well as its own size allows.
 */
export function layoutSafetensors(
  specs: readonly TensorSpec[],
  metadata: Readonly<Record<string, string>>,
): SafetensorsLayout {
  const sized = specs.map((spec) => {
    const byteLength = tensorBytes(spec.dtype, spec.shape);
    if (byteLength === null)
      throw new AppError('internal', `${spec.name} is too large to be written.`);
    return { ...spec, byteLength };
  });
  const variable = sized.filter((spec) => spec.isVariable === true);
  const fixed = sized
    .filter((spec) => spec.isVariable !== true)
    .map((spec) => ({ spec, power: largestPowerOfTwo(spec.byteLength) }))
    .sort((a, b) => b.power - a.power)
    .map(({ spec }) => spec);
  const variableBytes = variable.reduce((sum, { byteLength }) => sum + byteLength, 0);
  // With variable tensors at their longest every number in the header is at its longest, too.
  const headerBytes = Buffer.byteLength(headerText([...variable, ...fixed], metadata));
  const fixedStart = roundUp(HEADER_PREFIX_BYTES + headerBytes + variableBytes, ALIGNMENT_BYTES);
  let offset = fixedStart;
  const tensors: PlacedTensor[] = variable.map((spec) => ({ ...spec, byteOffset: null }));
  for (const spec of fixed) {
    tensors.push({ ...spec, byteOffset: offset });
    offset += spec.byteLength;
  }
  return { fileBytes: offset, fixedStart, tensors, metadata };
}

function headerText(
  tensors: readonly (TensorSpec & { byteLength: number })[],
  metadata: Readonly<Record<string, string>>,
): string {
  let offset = 0;
  const entries: [string, unknown][] = [['__metadata__', metadata]];
  for (const { name, dtype, shape, byteLength } of tensors) {
    const end = offset + byteLength;
    entries.push([name, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  return JSON.stringify(Object.fromEntries(entries));
}

/**
 * Everything before the fixed tensors: length, header, variable tensors. `fixedStart` bytes.
 *
 * @param contents The bytes of every variable tensor, by name.
 */
export function safetensorsPrefix(
  layout: SafetensorsLayout,
  contents: ReadonlyMap<string, Uint8Array>,
): Uint8Array {
  const texts: Uint8Array[] = [];
  const tensors = layout.tensors.map((tensor) => {
    if (tensor.byteOffset !== null) return tensor;
    const text = contents.get(tensor.name);
    if (text === undefined || text.byteLength > tensor.byteLength)
      throw new AppError('internal', `${tensor.name} does not fit into the room kept for it.`);
    texts.push(text);
    return { ...tensor, shape: [text.byteLength], byteLength: text.byteLength };
  });
  const variableBytes = texts.reduce((sum, text) => sum + text.byteLength, 0);
  const headerBytes = layout.fixedStart - HEADER_PREFIX_BYTES - variableBytes;
  const prefix = Buffer.alloc(layout.fixedStart, ' ');
  prefix.writeBigUInt64LE(BigInt(headerBytes), 0);
  prefix.write(headerText(tensors, layout.metadata), HEADER_PREFIX_BYTES);
  let offset = HEADER_PREFIX_BYTES + headerBytes;
  for (const text of texts) {
    prefix.set(text, offset);
    offset += text.byteLength;
  }
  return prefix;
}

/** How bytes reach the disk: all of them, at a position of the file. */
export type WriteAt = (file: FileHandle, bytes: Uint8Array, position: number) => Promise<void>;

/** Writes a laid-out file tensor by tensor, in any order; safe to continue in a file that an earlier run left. */
export class SafetensorsWriter {
  readonly layout: SafetensorsLayout;
  readonly #file: FileHandle;
  readonly #write: WriteAt;
  readonly #placed: ReadonlyMap<string, PlacedTensor>;

  constructor(file: FileHandle, layout: SafetensorsLayout, write: WriteAt) {
    this.layout = layout;
    this.#file = file;
    this.#write = write;
    this.#placed = new Map(layout.tensors.map((tensor) => [tensor.name, tensor]));
  }

  /** Where a fixed tensor lies. */
  place(name: string): { byteOffset: number; byteLength: number } {
    const tensor = this.#placed.get(name);
    if (tensor?.byteOffset === null || tensor === undefined)
      throw new AppError('internal', `${name} has no place of its own in this file.`);
    return { byteOffset: tensor.byteOffset, byteLength: tensor.byteLength };
  }

  /** Writes part of a fixed tensor, `start` bytes from its beginning. */
  async writePart(name: string, bytes: Uint8Array, start: number): Promise<void> {
    const { byteOffset, byteLength } = this.place(name);
    if (start + bytes.byteLength > byteLength)
      throw new AppError(
        'internal',
        `${name} has ${byteLength} bytes; ${start + bytes.byteLength} were to be written.`,
      );
    await this.#write(this.#file, bytes, byteOffset + start);
  }

  /** Writes a fixed tensor, which must come whole. */
  async writeTensor(name: string, bytes: Uint8Array): Promise<void> {
    const { byteLength } = this.place(name);
    if (bytes.byteLength !== byteLength)
      throw new AppError(
        'internal',
        `${name} should have ${byteLength} bytes, not ${bytes.byteLength}.`,
      );
    await this.writePart(name, bytes, 0);
  }

  /** Writes header and variable tensors: until then no reader takes the file for a safetensors file. */
  async writePrefix(contents: ReadonlyMap<string, Uint8Array>): Promise<void> {
    await this.#write(this.#file, safetensorsPrefix(this.layout, contents), 0);
  }
}
