import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { openCheckpoint, type CheckpointReader, type WeightsFile } from '../../checkpoint/index.ts';
import type { TensorInfo } from '../../contract/checkpoint.ts';
import { AppError, because, toAppError } from '../../contract/error.ts';
import { replaceFile } from '../../disk/index.ts';
import { loadFamilyOf, modelTensors, readDecoder, type Decoder } from '../../models/on-demand.ts';
import { buildGraph } from './build-graph.ts';
import type { ContribGraph } from './gpu-graphs.ts';
import { describesLayer, describesContribLayer, type LayerDetails } from './linear.ts';
import { MAX_QUANT_STATE_BYTES } from './quant-state.ts';
import { requireReadable, requireVocabulary } from './require-runnable.ts';
import { readRuntimeFile } from './runtime-weights.ts';

export const GRAPH_FILE = 'graph.onnx';

/** The graph with float32 activations, which takes no part in copies that were rounded for speed. */
export const EXACT_GRAPH_FILE = 'graph-exact.onnx';

/**
 * The graph of ONNX Runtime's own operators depends on the context and the arithmetic that were asked for: its name says
 * which one it is, so that two runners of one folder never load each other's.
 */
function gpuGraphFile(graph: Uint8Array): string {
  const digest = createHash('sha256').update(graph).digest('hex');
  return `graph-gpu-${digest.slice(0, 12)}.onnx`;
}

/** `graph-gpu.onnx` is what earlier versions wrote. */
const GPU_GRAPH_NAME = /^graph-gpu(?:-[0-9a-f]{12})?\.onnx$/;

/** Whether a file of this name is a graph that is built beside the weights, of any kind. */
export function isGraphFile(name: string): boolean {
  return name === GRAPH_FILE || name === EXACT_GRAPH_FILE || GPU_GRAPH_NAME.test(name);
}

/** Graphs for a GPU that are left in a folder: both kinds of arithmetic for the last two contexts. */
const MOST_GPU_GRAPHS = 4;

/** Deletes all graphs for a GPU but the newest: those are long loaded, or not wanted any more. */
async function deleteOldGpuGraphs(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => GPU_GRAPH_NAME.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const file = path.join(directory, name);
      return { file, writtenMs: (await stat(file)).mtimeMs };
    }),
  );
  for (const { file } of found.sort((a, b) => b.writtenMs - a.writtenMs).slice(MOST_GPU_GRAPHS))
    await rm(file, { force: true });
}

/** A graph of 1000 layers has some 20 MB; a larger file is not one of ours and is replaced unread. */
const MAX_GRAPH_BYTES = 64 * 1024 * 1024;

/** What writes graphs for GPUs is read when there is one. */
const gpuGraphs = () => import('./gpu-graphs.ts');

/** A folder that is ready to be loaded. */
export interface ReadyModel {
  readonly graphPath: string;
  /** Where the weights lie; undefined beside the graph. */
  readonly weightsFolder: string | undefined;
  readonly decoder: Decoder;
  readonly files: readonly WeightsFile[];
  /** config.json as it is in the folder, parsed. */
  readonly rawConfig: Readonly<Record<string, unknown>>;
  /** Describes the model to a CUDA device (`buildCudaText` in gpu-graphs.ts); only where the graph is of our own operators. */
  readonly cudaText: () => Promise<string>;
}

async function readIfThere(file: string, maxBytes: number): Promise<Uint8Array | null> {
  try {
    if ((await stat(file)).size > maxBytes) return null;
    return await readFile(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw toAppError(error);
  }
}

/**
 * ONNX Runtime maps weights only from the graph's own folder, links resolved.
 *
 * @throws AppError `invalid-input` for a folder of links, like those in the hub's cache
 */
async function requireOwnFiles(directory: string, names: readonly string[]): Promise<void> {
  const folder = await realpath(directory);
  for (const name of names)
    if (path.dirname(await realpath(path.join(directory, name))) !== folder)
      throw new AppError(
        'invalid-input',
        `${name} in ${directory} is a link to another folder, from where its weights cannot be mapped.`,
        because(
          'link-leaves-folder',
          { file: name, folder: directory },
          { remedy: 'Copy the folder with its links resolved (cp -rL).' },
        ),
      );
}

async function readDetails(
  checkpoint: CheckpointReader,
  tensors: readonly TensorInfo[],
  isWanted: (name: string) => boolean,
): Promise<LayerDetails> {
  const wanted = tensors.filter(({ name }) => isWanted(name));
  return new Map(
    await Promise.all(
      // One byte more than allowed is enough to be refused later, with the right words.
      wanted.map(async (tensor): Promise<[string, Uint8Array]> => [
        tensor.name,
        await checkpoint.readStart(tensor, MAX_QUANT_STATE_BYTES + 1),
      ]),
    ),
  );
}

function int8Threshold(config: Readonly<Record<string, unknown>>): number | undefined {
  const quantization = config['quantization_config'];
  if (typeof quantization !== 'object' || quantization === null) return undefined;
  const threshold: unknown =
    'llm_int8_threshold' in quantization ? quantization.llm_int8_threshold : undefined;
  return typeof threshold === 'number' && Number.isFinite(threshold) && threshold >= 0
    ? threshold
    : undefined;
}

/**
 * Makes sure that a model folder has the graph that its files call for, and says what a runner needs to load it.
 *
 * The graph is built anew each time, which takes milliseconds, and written only where it differs from what is there. So
 * a folder that was moved, made by transformers and bitsandbytes, or written by another version of Nibble runs as well,
 * and a graph that came with a download is never trusted.
 *
 * @param mode With float32 activations (`exact`) the head is the one that was published, not the runner's 8-bit copy.
 * @param contribFor What a graph of ONNX Runtime's own operators is made for. @default our own operators
 * @param onTensors Hears of all tensors that are computed with as soon as they are known, by the names of a text model;
 *   building takes longer than that.
 * @param recordsDirectory Where the graph is stored. @default beside the weights
 * @throws AppError `malformed-file`, `unsupported-model`, `not-found`, `permission-denied`, `disk-full`
 */
export async function ensureGraph(
  directory: string,
  mode: 'fast' | 'exact' = 'fast',
  contribFor?: (decoder: Decoder) => ContribGraph,
  onTensors?: (tensors: readonly TensorInfo[]) => void,
  recordsDirectory = directory,
): Promise<ReadyModel> {
  // The system works on it while headers are parsed here; its failure is heard behind theirs.
  const readingCopy = readRuntimeFile(directory);
  readingCopy.catch(() => undefined);
  const checkpoint = await openCheckpoint(directory);
  try {
    requireReadable(checkpoint.config, checkpoint.tensors);
    await loadFamilyOf(checkpoint.config);
    const decoder = readDecoder(checkpoint.config);
    const ownTensors = modelTensors(checkpoint.config, checkpoint.tensors);
    // Before the copy of the output layer is held against it: that file is seldom what is wrong.
    requireVocabulary(decoder, ownTensors);
    const isExact = mode === 'exact';
    const contrib = contribFor?.(decoder);
    const [copy] = await Promise.all([
      readingCopy,
      requireOwnFiles(
        directory,
        checkpoint.files.map(({ name }) => name),
      ),
    ]);
    // With float32 activations even a damaged copy is in nobody's way.
    const runtimeTensors = isExact ? [] : (copy?.tensorsFor(decoder) ?? []);
    const tensors = [...ownTensors, ...runtimeTensors];
    onTensors?.(tensors);
    const ownFile = isExact && copy !== null ? EXACT_GRAPH_FILE : GRAPH_FILE;
    // Read while the new one is built; a failure is heard behind the builder's.
    const reading =
      contrib === undefined
        ? readIfThere(path.join(recordsDirectory, ownFile), MAX_GRAPH_BYTES)
        : null;
    reading?.catch(() => undefined);
    const details = await readDetails(
      checkpoint,
      ownTensors,
      contrib === undefined ? describesLayer : describesContribLayer,
    );
    const source = {
      decoder,
      tensors,
      details,
      int8Threshold: int8Threshold(checkpoint.config),
    };
    const graph =
      contrib === undefined
        ? buildGraph(source)
        : (await gpuGraphs()).buildContribGraph(source, contrib);
    const name = contrib === undefined ? ownFile : gpuGraphFile(graph);
    const graphPath = path.join(recordsDirectory, name);
    const existing = await (reading ?? readIfThere(graphPath, MAX_GRAPH_BYTES));
    if (existing === null || Buffer.compare(existing, graph) !== 0) {
      if (recordsDirectory !== directory) await mkdir(recordsDirectory, { recursive: true });
      await replaceFile(graphPath, graph);
    }
    if (contrib !== undefined) await deleteOldGpuGraphs(recordsDirectory).catch(() => undefined);
    return {
      graphPath,
      weightsFolder: recordsDirectory === directory ? undefined : path.resolve(directory),
      decoder,
      files: checkpoint.files,
      rawConfig: checkpoint.config,
      cudaText: async () => (await gpuGraphs()).buildCudaText(source),
    };
  } finally {
    await checkpoint.close();
  }
}

/** Whether there is a graph for a model. @param config Its config.json, parsed. */
export async function supportsArchitecture(config: unknown): Promise<boolean> {
  try {
    await loadFamilyOf(config);
    readDecoder(config);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'unsupported-model') return false;
    throw error;
  }
}
