import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { copyHashed, treeHash, treeHashFile, treeHashNow } from '../../native-kernels/index.ts';
import type { KernelOptions } from '../../native-kernels/index.ts';
import { SafetensorsWriter, WEIGHTS_FILE } from '../checkpoint/index.ts';
import type {
  CheckpointReader,
  SafetensorsLayout,
  TensorPlace,
  WriteAt,
} from '../checkpoint/index.ts';
import type { TensorInfo, TensorStatistics } from '../contract/checkpoint.ts';
import { AppError, toAppError } from '../contract/error.ts';
import { hashTensorsFile, joinHashes } from '../digest/index.ts';
import type { ProgressMeter } from '../progress/index.ts';
import { Committer } from './committer.ts';
import { inLanes } from './in-lanes.ts';
import type { Journal, JournalEntry } from './journal.ts';
import type { OutputTensor, Part } from '../formats/index.ts';
import type { PlannedTensor, QuantizationPlan } from './plan.ts';
import { quantizerOf, quantizeTensor, quantizeTensorFile } from './quantize-tensor.ts';
import { SharedTables } from './shared-tables.ts';
import { tensorStatistics } from './statistics.ts';
import { readTransposed, withPlace } from './transposed-source.ts';
import { widenToFloat32 } from './widen.ts';

/** While one tensor waits for the disk or for its slowest core, another keeps the others busy: so many for each device. */
export const TENSORS_AT_ONCE = 3;

/** Read, widened and written at a time: large enough for the disk's speed, small enough that cancelling is felt at once. */
const WIDEN_BYTES = 4 * 1024 * 1024;

type QuantizedTensor = Extract<PlannedTensor, { treatment: 'quantized' }>;

export interface WeightsJob {
  readonly checkpoint: CheckpointReader;
  readonly plan: QuantizationPlan;
  readonly layout: SafetensorsLayout;
  /** Folder that model.safetensors is made in. */
  readonly directory: string;
  readonly threads: number | undefined;
  /** Numbers of the CUDA devices that share the tensors; none: the processor. */
  readonly devices: readonly number[];
  readonly signal: AbortSignal | undefined;
  readonly write: WriteAt;
  /** Does work that writes again when the disk was full and there is room. */
  readonly withReservedSpace: <T>(work: () => Promise<T>) => Promise<T>;
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
 * Where kernels work from file to file, only pieces of a tensor are in memory, else a few tensors, never the model.
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
  readonly #tables: SharedTables;
  readonly #entries = new Map<string, JournalEntry>();
  /** Place of each output in the file's order. */
  readonly #order: ReadonlyMap<string, number>;
  /** Tree hashes of the outputs that are written, by name. */
  readonly #hashes = new Map<string, string>();
  /** Ends the others when one tensor fails. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;

  constructor(job: WeightsJob, file: FileHandle) {
    const { layout, journal, write } = job;
    this.#job = job;
    this.#file = file;
    this.#path = path.join(job.directory, WEIGHTS_FILE);
    this.#signal =
      job.signal === undefined
        ? this.#stop.signal
        : AbortSignal.any([job.signal, this.#stop.signal]);
    this.#writer = new SafetensorsWriter(file, layout, write);
    this.#committer = new Committer(file, journal);
    this.#tables = new SharedTables(job.plan.scheme);
    this.#order = new Map(layout.tensors.map(({ name }, index) => [name, index]));
  }

  async run(): Promise<WrittenWeights> {
    const { plan, signal, threads, devices } = this.#job;
    await this.#takeOver();
    const open = plan.tensors.filter(({ source }) => !this.#entries.has(source.name));
    await this.#tables.write(open, this.#writer, (bytes, position) =>
      this.#job.write(this.#file, bytes, position),
    );
    await inLanes(
      open,
      TENSORS_AT_ONCE * Math.max(1, devices.length),
      async (tensor) => {
        this.#requireGoing();
        await this.#make(tensor);
      },
      () => this.#stop.abort(),
    );
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
    await this.#committer.settle();
  }

  #requireGoing(): void {
    if (this.#job.signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
  }

  #kernelOptions(): KernelOptions {
    const { threads, devices, meter } = this.#job;
    return {
      signal: this.#signal,
      devices,
      onFallback: (reason) => meter.announce(`The processor takes over: ${reason}`),
      ...(threads === undefined ? {} : { threads }),
    };
  }

  /** The same, counting the bytes of a tensor as they are done with. */
  #countedOptions({ name, byteLength }: TensorInfo): KernelOptions & { readonly end: () => void } {
    let counted = 0;
    const countTo = (bytes: number): void => {
      // A tensor that is made again after a pause counts once.
      if (bytes > counted) this.#job.meter.advance(bytes - counted, name);
      counted = Math.max(counted, bytes);
    };
    return {
      ...this.#kernelOptions(),
      onProgress: (fraction) => countTo(Math.floor(fraction * byteLength)),
      end: () => countTo(byteLength),
    };
  }

  #entry(name: string): JournalEntry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new AppError('internal', `${name} was not written.`);
    return entry;
  }

  /** The outputs of a tensor in the order of their offsets. */
  #inFileOrder(tensor: PlannedTensor): OutputTensor[] {
    const place = ({ name }: OutputTensor): number => this.#order.get(name) ?? 0;
    return [...tensor.outputs].sort((a, b) => place(a) - place(b));
  }

  async #make(tensor: PlannedTensor): Promise<void> {
    if (tensor.treatment === 'kept') await this.#copy(tensor);
    else if (
      this.#job.devices.length === 0 ||
      tensor.source.transposed !== undefined ||
      quantizerOf(this.#job.plan.scheme).quantizeBytes === null
    )
      await this.#makeFromFile(tensor);
    else await this.#makeInMemory(tensor);
  }

  /** From file to file, without a tensor in memory. */
  async #makeFromFile(tensor: QuantizedTensor): Promise<void> {
    const { plan, withReservedSpace } = this.#job;
    const outputs = this.#inFileOrder(tensor);
    const placeOf = (wanted: Part): number => {
      const output = outputs.find(({ part }) => part === wanted);
      return this.#writer.place(output?.name ?? wanted).byteOffset;
    };
    const options = this.#countedOptions(tensor.source);
    const places = { path: this.#path, placeOf };
    const made = await withReservedSpace(() =>
      this.#withPlace(tensor, (source) =>
        quantizeTensorFile(source, tensor, plan.scheme, places, options),
      ),
    );
    options.end();
    const quantState = quantizerOf(plan.scheme).stateText?.(tensor, made.nestedOffset) ?? null;
    const hashes = new Map<string, string>();
    for (const output of outputs) {
      const hash = this.#tables.hashOf(output.part) ?? made.hashes.get(output.part);
      if (hash !== undefined) hashes.set(output.name, hash);
      else if (output.part === 'quant_state' && quantState !== null)
        hashes.set(output.name, await this.#putText(output, quantState));
      else throw new AppError('internal', `${output.name} was planned, but not made.`);
    }
    const sha256 = joinHashes([...hashes.values()]);
    const textBytes = quantState?.byteLength ?? null;
    const statistics = tensorStatistics(tensor, made.statistics, sha256, textBytes);
    this.#finish(tensor, { statistics, nestedOffset: made.nestedOffset }, hashes);
  }

  /** Writes a text, unless its place is known last only. @returns its tree hash */
  async #putText(output: OutputTensor, bytes: Uint8Array): Promise<string> {
    if (output.isVariable !== true) await this.#writer.writeTensor(output.name, bytes);
    return treeHashNow(bytes);
  }

  async #makeInMemory(tensor: QuantizedTensor): Promise<void> {
    const { checkpoint, plan, meter } = this.#job;
    const bytes = await checkpoint.readTensor(tensor.source, { signal: this.#signal });
    const made = await quantizeTensor(bytes, tensor, plan.scheme, this.#kernelOptions());
    const hashes = new Map<string, string>();
    for (const output of this.#inFileOrder(tensor)) {
      const part = made.parts.get(output.part);
      const hash =
        part === undefined ? this.#tables.hashOf(output.part) : await this.#put(output, part);
      if (hash === undefined)
        throw new AppError('internal', `${output.name} was planned, but not made.`);
      hashes.set(output.name, hash);
    }
    const sha256 = joinHashes([...hashes.values()]);
    const statistics = tensorStatistics(tensor, made.statistics, sha256, null);
    this.#finish(tensor, { statistics, nestedOffset: null }, hashes);
    meter.advance(tensor.source.byteLength, tensor.source.name);
  }

  /** Writes an output. @returns its tree hash */
  async #put(output: OutputTensor, bytes: Uint8Array): Promise<string> {
    const hash = await treeHash(bytes, this.#kernelOptions());
    await this.#writer.writeTensor(output.name, bytes);
    return hash;
  }

  async #withPlace<T>(
    { source }: PlannedTensor,
    work: (place: TensorPlace) => Promise<T>,
  ): Promise<T> {
    const { checkpoint, directory } = this.#job;
    return withPlace(checkpoint, source, { directory, signal: this.#signal }, work);
  }

  async #copy(tensor: PlannedTensor): Promise<void> {
    const { withReservedSpace } = this.#job;
    const { source } = tensor;
    if (tensor.outputs.some(({ dtype }) => dtype !== source.dtype)) {
      await this.#widen(tensor);
      return;
    }
    const to = { path: this.#path, byteOffset: this.#writer.place(source.name).byteOffset };
    const options = this.#countedOptions(source);
    const hash = await withReservedSpace(() =>
      this.#withPlace(tensor, (from) => copyHashed(from, to, options)),
    );
    options.end();
    const statistics = tensorStatistics(tensor, null, joinHashes([hash]), null);
    this.#finish(tensor, { statistics, nestedOffset: null }, new Map([[source.name, hash]]));
  }

  /** Writes a tensor that is kept in float32. */
  async #widen(tensor: PlannedTensor): Promise<void> {
    const { checkpoint, meter, write } = this.#job;
    const { source } = tensor;
    if (source.dtype !== 'BF16' && source.dtype !== 'F16')
      throw new AppError('internal', `${source.name} cannot be widened from ${source.dtype}.`);
    const { byteOffset } = this.#writer.place(source.name);
    const turned =
      source.transposed === undefined
        ? null
        : await readTransposed(checkpoint, source, this.#signal);
    for (let start = 0; start < source.byteLength; start += WIDEN_BYTES) {
      this.#requireGoing();
      const end = Math.min(source.byteLength, start + WIDEN_BYTES);
      const bytes =
        turned?.slice(start, end) ??
        (await checkpoint.readRange(source, start, end, { signal: this.#signal }));
      // Each number takes four bytes instead of two.
      await write(this.#file, widenToFloat32(bytes, source.dtype), byteOffset + 2 * start);
      meter.advance(end - start, source.name);
    }
    const hash = await this.#hashStored(source.name);
    const statistics = tensorStatistics(tensor, null, joinHashes([hash]), null);
    this.#finish(tensor, { statistics, nestedOffset: null }, new Map([[source.name, hash]]));
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
            ? treeHashNow(this.#quantState(tensor, entry.nestedOffset))
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
    const { stateText } = quantizerOf(this.#job.plan.scheme);
    if (stateText === null || tensor.treatment !== 'quantized')
      throw new AppError('internal', `${tensor.source.name} has no quantization state.`);
    return stateText(tensor, nestedOffset);
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
