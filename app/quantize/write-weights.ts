import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { treeHash, treeHashFile } from '../../native-kernels/index.ts';
import type { KernelOptions } from '../../native-kernels/index.ts';
import { SafetensorsWriter, WEIGHTS_FILE } from '../checkpoint/index.ts';
import type { OpenCheckpoint, SafetensorsLayout, WriteAt } from '../checkpoint/index.ts';
import type { TensorStatistics } from '../contract/checkpoint.ts';
import { AppError, toAppError } from '../contract/error.ts';
import { schemes } from '../contract/scheme.ts';
import { hashTensorsFile, joinHashes } from '../digest/index.ts';
import type { ProgressMeter } from '../progress/index.ts';
import { Committer } from './committer.ts';
import type { Journal, JournalEntry } from './journal.ts';
import type { OutputTensor } from './output-tensors.ts';
import type { PlannedTensor, QuantizationPlan } from './plan.ts';
import { quantizeTensor, quantStateBytes } from './quantize-tensor.ts';
import type { TensorParts } from './quantize-tensor.ts';
import { tensorStatistics } from './statistics.ts';

/** Kept tensors (embeddings of a gigabyte) pass through memory in pieces of this size. */
const CHUNK_BYTES = 8 * 1024 * 1024;

type QuantizedTensor = Extract<PlannedTensor, { treatment: 'quantized' }>;

export interface WeightsJob {
  readonly checkpoint: OpenCheckpoint;
  readonly plan: QuantizationPlan;
  readonly layout: SafetensorsLayout;
  /** Folder that model.safetensors is made in. */
  readonly directory: string;
  readonly threads: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly write: WriteAt;
  readonly journal: Journal;
  /** Counts bytes of the checkpoint as they are done with. */
  readonly meter: ProgressMeter;
}

export interface WrittenWeights {
  /** In the order of the checkpoint. */
  readonly tensors: readonly TensorStatistics[];
  /** Of the kind `sha256-tensors-1`. */
  readonly sha256: string;
}

/**
 * Writes model.safetensors tensor by tensor, going on where the journal says that an earlier run stopped.
 *
 * While one tensor is quantized the next is read and the previous one written and hashed: a few tensors are in memory,
 * never the model.
 *
 * @throws AppError `invalid-weights`, `disk-full`, `aborted`, `malformed-file`
 */
export async function writeWeights(job: WeightsJob): Promise<WrittenWeights> {
  const name = path.join(job.directory, WEIGHTS_FILE);
  const file = await open(name, constants.O_RDWR | constants.O_CREAT, 0o644);
  const run = new WeightsRun(job, file);
  try {
    return await run.run();
  } finally {
    await run.settle();
    await file.close();
  }
}

class WeightsRun {
  readonly #job: WeightsJob;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #writer: SafetensorsWriter;
  readonly #committer: Committer;
  readonly #entries = new Map<string, JournalEntry>();
  /** Place of each output in the file's order. */
  readonly #order: ReadonlyMap<string, number>;
  /** Tree hashes of the outputs that are written, by name. */
  readonly #hashes = new Map<string, string>();
  #store: Promise<void> = Promise.resolve();
  #nextRead: { tensor: PlannedTensor; bytes: Promise<Uint8Array> } | null = null;

  constructor(job: WeightsJob, file: FileHandle) {
    const { layout, journal, write } = job;
    this.#job = job;
    this.#file = file;
    this.#path = path.join(job.directory, WEIGHTS_FILE);
    this.#writer = new SafetensorsWriter(file, layout, write);
    this.#committer = new Committer(file, journal);
    this.#order = new Map(layout.tensors.map(({ name }, index) => [name, index]));
  }

  async run(): Promise<WrittenWeights> {
    const { plan, signal, threads } = this.#job;
    await this.#takeOver();
    const open = plan.tensors.filter(({ source }) => !this.#entries.has(source.name));
    for (const [index, tensor] of open.entries()) {
      this.#requireGoing();
      if (tensor.treatment === 'kept') await this.#copy(tensor);
      else {
        const bytes = await this.#take(tensor);
        this.#readAhead(open[index + 1]);
        const made = await quantizeTensor(bytes, tensor, plan.scheme, this.#kernelOptions());
        await this.#store;
        this.#store = this.#keep(tensor, made);
        // Its failure is raised at the next tensor, or at the end.
        this.#store.catch(() => undefined);
      }
    }
    await this.#store;
    await this.#committer.finish();
    await this.#writer.writePrefix(this.#variableTexts());
    await this.#file.sync();
    const sha256 = await hashTensorsFile(this.#path, { signal, threads, known: this.#hashes });
    return {
      tensors: plan.tensors.map(({ source }) => this.#entry(source.name).statistics),
      sha256,
    };
  }

  /** Waits for whatever is still under way: nothing may use the file after it is closed. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#store, this.#nextRead?.bytes, this.#committer.settle()]);
  }

  #requireGoing(): void {
    if (this.#job.signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
  }

  #kernelOptions(): KernelOptions {
    const { signal, threads } = this.#job;
    return {
      ...(signal === undefined ? {} : { signal }),
      ...(threads === undefined ? {} : { threads }),
    };
  }

  #entry(name: string): JournalEntry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new AppError('internal', `${name} was not written.`);
    return entry;
  }

  /** Reads the next tensor while this one is worked on. Kept ones are streamed instead. */
  #readAhead(tensor: PlannedTensor | undefined): void {
    if (tensor?.treatment !== 'quantized') return;
    const { checkpoint, signal } = this.#job;
    const bytes = checkpoint.readTensor(tensor.source, { signal });
    bytes.catch(() => undefined);
    this.#nextRead = { tensor, bytes };
  }

  async #take(tensor: PlannedTensor): Promise<Uint8Array> {
    const ahead = this.#nextRead;
    this.#nextRead = null;
    const { checkpoint, signal } = this.#job;
    return ahead?.tensor === tensor
      ? await ahead.bytes
      : await checkpoint.readTensor(tensor.source, { signal });
  }

  /** The outputs of a tensor in the order of their offsets. */
  #inFileOrder(tensor: PlannedTensor): OutputTensor[] {
    const place = ({ name }: OutputTensor): number => this.#order.get(name) ?? 0;
    return [...tensor.outputs].sort((a, b) => place(a) - place(b));
  }

  /** Writes and hashes a quantized tensor, and has it noted down. */
  async #keep(tensor: QuantizedTensor, made: TensorParts): Promise<void> {
    const hashes = new Map<string, string>();
    for (const output of this.#inFileOrder(tensor)) {
      const part = made.parts.get(output.part);
      if (part === undefined)
        throw new AppError('internal', `${output.name} was planned, but not made.`);
      hashes.set(output.name, await treeHash(part, this.#kernelOptions()));
      if (output.isVariable !== true) await this.#writer.writeTensor(output.name, part);
    }
    const quantState = made.parts.get('quant_state')?.byteLength ?? null;
    const sha256 = joinHashes([...hashes.values()]);
    const statistics = tensorStatistics(tensor, made.statistics, sha256, quantState);
    this.#finish(tensor, { statistics, nestedOffset: made.nestedOffset }, hashes);
    this.#job.meter.advance(tensor.source.byteLength, tensor.source.name);
  }

  /** Copies a kept tensor in pieces. */
  async #copy(tensor: PlannedTensor): Promise<void> {
    const { checkpoint, signal, meter } = this.#job;
    const { source } = tensor;
    for (let start = 0; start < source.byteLength; start += CHUNK_BYTES) {
      const end = Math.min(start + CHUNK_BYTES, source.byteLength);
      const chunk = await checkpoint.readRange(source, start, end, { signal });
      await this.#writer.writePart(source.name, chunk, start);
      meter.advance(chunk.byteLength, source.name);
    }
    const hashes = new Map([[source.name, await this.#hashStored(source.name)]]);
    const statistics = tensorStatistics(tensor, null, joinHashes([...hashes.values()]), null);
    this.#finish(tensor, { statistics, nestedOffset: null }, hashes);
  }

  #finish(tensor: PlannedTensor, entry: JournalEntry, hashes: ReadonlyMap<string, string>): void {
    this.#committer.add(entry);
    this.#note(tensor, entry, hashes);
  }

  #note(tensor: PlannedTensor, entry: JournalEntry, hashes: ReadonlyMap<string, string>): void {
    this.#entries.set(tensor.source.name, entry);
    for (const [name, hash] of hashes) this.#hashes.set(name, hash);
  }

  /** The tree hash of an output as it lies in the file. */
  async #hashStored(name: string): Promise<string> {
    const range = { path: this.#path, ...this.#writer.place(name) };
    return await treeHashFile(range, this.#kernelOptions());
  }

  /** Takes over what the journal lists, after a look at the bytes: a power cut may have taken some of them. */
  async #takeOver(): Promise<void> {
    const { journal, plan, meter } = this.#job;
    const planned = new Map(plan.tensors.map((tensor) => [tensor.source.name, tensor]));
    for (const entry of journal.finished) {
      this.#requireGoing();
      const tensor = planned.get(entry.statistics.name);
      const hashes = tensor === undefined ? null : await this.#provenHashes(tensor, entry);
      if (tensor === undefined || hashes === null) continue;
      this.#note(tensor, entry, hashes);
      meter.skip(tensor.source.byteLength, tensor.source.name);
    }
  }

  /** The tree hashes of a tensor's outputs as they lie in the file; null when they are not what was noted down. */
  async #provenHashes(
    tensor: PlannedTensor,
    entry: JournalEntry,
  ): Promise<ReadonlyMap<string, string> | null> {
    const hashes = new Map<string, string>();
    try {
      for (const { name, isVariable } of this.#inFileOrder(tensor)) {
        const hash =
          isVariable === true
            ? await treeHash(this.#quantState(tensor, entry.nestedOffset), this.#kernelOptions())
            : await this.#hashStored(name);
        hashes.set(name, hash);
      }
    } catch (error) {
      // The file ends before them: they were never written.
      if (toAppError(error).code === 'malformed-file') return null;
      throw error;
    }
    return joinHashes([...hashes.values()]) === entry.statistics.sha256 ? hashes : null;
  }

  #quantState(tensor: PlannedTensor, nestedOffset: number | null): Uint8Array {
    const { storage } = schemes[this.#job.plan.scheme];
    if (storage.kind !== '4bit' || tensor.treatment !== 'quantized')
      throw new AppError('internal', `${tensor.source.name} has no quantization state.`);
    return quantStateBytes(storage.type, tensor, nestedOffset);
  }

  #variableTexts(): Map<string, Uint8Array> {
    const texts = new Map<string, Uint8Array>();
    for (const tensor of this.#job.plan.tensors)
      for (const { name, isVariable } of tensor.outputs)
        if (isVariable === true)
          texts.set(name, this.#quantState(tensor, this.#entry(tensor.source.name).nestedOffset));
    return texts;
  }
}
