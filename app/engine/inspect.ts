import os from 'node:os';
import { EMBEDDINGS, openCheckpoint, OUTPUT_LAYER } from '../checkpoint/index.ts';
import {
  cacheElementsPerToken,
  describeArchitecture,
  readDecoder,
  restingWeights,
  textNames,
  textTensors,
  stateElements,
} from '../models/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { AppError, describeError } from '../contract/error.ts';
import type { Inspection, SchemeSize } from '../contract/inspection.ts';
import type { Progress } from '../contract/progress.ts';
import type { CallContext } from '../contract/rpc.ts';
import { readRemoteCheckpoint } from '../hub/index.ts';
import { planQuantization } from '../quantize/index.ts';
import { requireRunnable } from '../run/index.ts';
import { sampleModel } from '../sample/index.ts';
import type { EngineContext } from './context.ts';
import { filesBelow } from './home/home.ts';
import { countParameters, resolveSource } from './sources.ts';
import { weightFormats } from '../formats/index.ts';

/** Code, activations of one prefill chunk and the runtime itself: measured at well below this on models up to 1 B. */
const WORKING_MEMORY_BYTES = 120e6;

/** A model that takes more than this share of all memory leaves the other programs too little. */
const COMFORTABLE_SHARE = 0.7;
const POSSIBLE_SHARE = 0.9;
/**
 * The same of a mixture. A token needs a few of its experts, and what lies in memory of the others is a copy of the file that
 * the system gives back without writing anything.
 */
const COMFORTABLE_MIXTURE_SHARE = 0.8;

/** Bytes of one element of the KV cache (float16). */
const CACHE_ELEMENT_BYTES = 2;

interface Described {
  readonly config: unknown;
  readonly tensors: readonly TensorInfo[];
}

/**
 * What states of recurrent layers take: float32, before and behind a run, and copies of them to go back to, of which the
 * runtime keeps at least two and at most so many, within a size (native-kernels/runtime/recurrent_states.cpp).
 */
const STATE_ELEMENT_BYTES = 4;
const LEAST_COPIES = 2;
const MOST_COPIES = 16;
const COPIES_BYTES = 128 * 2 ** 20;

function stateBytes(elements: number): number {
  const bytes = elements * STATE_ELEMENT_BYTES;
  return 2 * bytes + Math.max(LEAST_COPIES * bytes, Math.min(MOST_COPIES * bytes, COPIES_BYTES));
}

/** Bytes of keys, values and states for `contextLength` tokens; 0 where the architecture is not one we run. */
function cacheBytes(config: unknown, contextLength: number): number {
  if (!describeArchitecture(config).runnable) return 0;
  const model = readDecoder(config);
  const tokens = Math.min(contextLength, model.contextLength);
  const cache = cacheElementsPerToken(model) * tokens * CACHE_ELEMENT_BYTES;
  return cache + stateBytes(stateElements(model));
}

function fitsInto(total: number, bytes: number, isMixture: boolean): SchemeSize['fits'] {
  if (bytes <= total * (isMixture ? COMFORTABLE_MIXTURE_SHARE : COMFORTABLE_SHARE)) return 'yes';
  return bytes <= total * POSSIBLE_SHARE ? 'tight' : 'no';
}

/** What each scheme would make of these tensors, to the byte. */
function schemeSizes(
  { config, tensors }: Described,
  contextLength: number,
  isMixture: boolean,
): SchemeSize[] {
  const cache = cacheBytes(config, contextLength);
  const total = os.totalmem();
  const names = textNames(tensors);
  // What stands beside the text model is in the file, but nothing reads it.
  const besideBytes = tensors
    .filter(({ name }) => names.plain(name) === null)
    .reduce((sum, { byteLength }) => sum + byteLength, 0);
  return weightFormats.map(({ name: scheme }) => {
    const plan = planQuantization({ tensors, config, scheme });
    const outputLayerCopyBytes = plan.head?.layout.fileBytes ?? 0;
    // Behind the copy an lm_head of its own is not read; of tied embeddings every token reads its row as before.
    const head = plan.head?.source ?? null;
    const isOwnHead = head !== null && names.plain(head.name) === OUTPUT_LAYER;
    const unreadBytes = isOwnHead ? head.byteLength : 0;
    const memoryBytes = Math.round(plan.weightsBytes - besideBytes + cache + WORKING_MEMORY_BYTES);
    const withCopyBytes = memoryBytes + outputLayerCopyBytes - unreadBytes;
    const quantizedTensors = plan.tensors.filter((entry) => entry.treatment === 'quantized').length;
    return {
      scheme,
      blockSize: plan.blockSize,
      weightsBytes: plan.weightsBytes,
      outputLayerCopyBytes,
      bitsPerWeight: plan.bitsPerWeight,
      quantizedTensors,
      keptTensors: plan.tensors.length - quantizedTensors,
      memoryBytes: withCopyBytes,
      fits: fitsInto(total, withCopyBytes, isMixture),
      withoutCopy: { memoryBytes, fits: fitsInto(total, memoryBytes, isMixture) },
    };
  });
}

type Planned = Pick<
  Inspection,
  | 'runnable'
  | 'obstacle'
  | 'notes'
  | 'activeParameters'
  | 'cacheBytesPerToken'
  | 'stateBytes'
  | 'schemes'
>;

/** The schemes' sizes, or what stands in the way of making and running any of them. */
function plan(described: Described, contextLength: number): Planned {
  const { config, tensors } = described;
  const about = describeArchitecture(config, tensors);
  const own = textTensors(tensors);
  const textParameters = countParameters(own);
  try {
    if (about.obstacle !== null) throw about.obstacle;
    if (about.runnable) requireRunnable(described);
    const decoder = about.runnable ? readDecoder(config) : null;
    const resting = decoder === null ? 0 : restingWeights(decoder);
    const has = (name: string): boolean => own.some((tensor) => tensor.name === name);
    const isOwn = decoder?.tiedEmbeddings === true && has(OUTPUT_LAYER) && has(EMBEDDINGS);
    const notes: Inspection['notes'] = [];
    if (isOwn) notes.push('own-output-layer');
    if (about.textOnly) notes.push('text-only');
    return {
      runnable: about.runnable,
      obstacle: null,
      notes,
      activeParameters: textParameters - resting,
      cacheBytesPerToken:
        decoder === null ? 0 : cacheElementsPerToken(decoder) * CACHE_ELEMENT_BYTES,
      stateBytes: decoder === null ? 0 : stateElements(decoder) * STATE_ELEMENT_BYTES,
      schemes: schemeSizes(described, contextLength, resting > 0),
    };
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'internal') throw error;
    return {
      runnable: false,
      obstacle: describeError(error),
      notes: [],
      activeParameters: textParameters,
      cacheBytesPerToken: 0,
      stateBytes: 0,
      schemes: [],
    };
  }
}

function describe(
  { config, tensors }: Described,
  contextLength: number,
): Pick<
  Inspection,
  | 'architecture'
  | 'runnable'
  | 'obstacle'
  | 'notes'
  | 'parameters'
  | 'textParameters'
  | 'activeParameters'
  | 'cacheBytesPerToken'
  | 'stateBytes'
  | 'dtypes'
  | 'layers'
  | 'hiddenSize'
  | 'vocabularySize'
  | 'contextLength'
  | 'weightsBytes'
  | 'schemes'
> {
  const about = describeArchitecture(config);
  const dtypes: Record<string, number> = {};
  for (const tensor of tensors)
    dtypes[tensor.dtype] = (dtypes[tensor.dtype] ?? 0) + countParameters([tensor]);
  return {
    architecture: about.className,
    parameters: countParameters(tensors),
    textParameters: countParameters(textTensors(tensors)),
    dtypes,
    layers: about.layers,
    hiddenSize: about.hiddenSize,
    vocabularySize: about.vocabularySize,
    contextLength: about.contextLength,
    weightsBytes: tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0),
    ...plan({ config, tensors }, contextLength),
  };
}

async function inspectFolder(
  source: string,
  directory: string,
  origin: { repository: string | null; commit: string | null; license: string | null },
  contextLength: number,
): Promise<Inspection> {
  const opened = await openCheckpoint(directory);
  try {
    const files = await filesBelow(directory);
    const has = (name: string): boolean => files.some((file) => file.name === name);
    return {
      source,
      ...origin,
      directory,
      gated: false,
      hasTokenizer: has('tokenizer.json'),
      hasChatTemplate: has('chat_template.jinja') || has('tokenizer_config.json'),
      downloadBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
      inspectedBytes: 0,
      ...describe(opened, contextLength),
    };
  } finally {
    await opened.close();
  }
}

/**
 * What a model is and how large every scheme would make it. For a repository this reads the headers of its weights
 * through range requests, and no weights.
 */
export async function inspect(
  context: EngineContext,
  { source: text, contextLength }: { source: string; contextLength: number },
  { signal, emit }: CallContext<Progress>,
): Promise<Inspection> {
  const source = await resolveSource(context, text);
  if (source.kind === 'folder')
    return inspectFolder(
      text,
      source.directory,
      { repository: null, commit: null, license: null },
      contextLength,
    );
  if (source.kind === 'sample') {
    const { repository, directory, license } = sampleModel;
    const origin = { repository, commit: null, license };
    // It is copied into the library like a download, so that it does not stand or fall with this installation.
    return { ...(await inspectFolder(text, directory, origin, contextLength)), directory: null };
  }
  if (source.kind === 'checkpoint') {
    const { directory, origin, license } = source.checkpoint;
    const { repository, commit } = origin;
    return inspectFolder(text, directory, { repository, commit, license }, contextLength);
  }
  const hub = context.hub.forPerson;
  const repository = await hub.repository(source.name, source.revision, { signal });
  await hub.checkAccess(repository, { signal });
  const remote = await readRemoteCheckpoint(hub, repository, { signal, onProgress: emit });
  return {
    source: text,
    repository: repository.name,
    commit: repository.commit,
    directory: null,
    license: repository.license,
    gated: repository.gated,
    hasTokenizer: remote.hasTokenizer,
    hasChatTemplate: remote.hasChatTemplate,
    downloadBytes: remote.files.reduce((sum, file) => sum + file.sizeBytes, 0),
    inspectedBytes: remote.transferredBytes,
    ...describe(remote, contextLength),
  };
}
