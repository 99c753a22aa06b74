import { z } from 'zod';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { AppError, because } from '../contract/error.ts';
import { quantizationMethod, type StoredTensor } from '../checkpoint/index.ts';
import type { Decoder } from './decoder.ts';
import { withoutStacks, type ModelTensor } from './expert-stacks.ts';
import type { Family } from './family.ts';
import { familyOf, listedModels, loadFamily } from './registry.ts';
import { textNames, textTensors } from './text-tensors.ts';
import { textConfigOf, wrappers } from './wrappers.ts';

/** What config.json says of a model before anyone asks whether it can be run. Numbers are null where it does not say. */
export interface ArchitectureDescription {
  readonly modelType: string;
  /** The class that belongs to the model type, unless `architectures[0]` is one that is not known. */
  readonly className: string;
  readonly quantizable: boolean;
  readonly runnable: boolean;
  /** Whether it also sees or hears: only its text model is quantized and run. */
  readonly textOnly: boolean;
  /** Why it is not quantizable; null when it is. */
  readonly obstacle: AppError | null;
  readonly layers: number | null;
  readonly hiddenSize: number | null;
  readonly vocabularySize: number | null;
  readonly contextLength: number | null;
}

const count = z.int().positive().optional().catch(undefined);

/** Only what is needed to name a model: anything else in the file may be wrong without harm here. */
const outlineSchema = z.looseObject({
  model_type: z.string().max(128),
  architectures: z.array(z.string().max(256)).max(16).nullish(),
  num_hidden_layers: count,
  hidden_size: count,
  vocab_size: count,
  max_position_embeddings: count,
  /** Names of the first models of this kind for the same. */
  n_layer: count,
  n_embd: count,
  n_positions: count,
});

/** What a config.json names: a family's model, or one that has such a model within. */
interface Named {
  readonly className: string;
  /** `model_type` of the text model. */
  readonly textType: string;
  /** The config of the text model. */
  readonly text: unknown;
}

function namedBy(config: unknown, modelType: string): Named | null {
  const wrapper = Object.hasOwn(wrappers, modelType) ? wrappers[modelType] : undefined;
  if (wrapper !== undefined) {
    const text = textConfigOf(config, wrapper);
    const textType = text.model_type;
    return listedModels.has(textType) ? { className: wrapper.className, textType, text } : null;
  }
  const className = listedModels.get(modelType)?.className ?? null;
  return className === null ? null : { className, textType: modelType, text: config };
}

/** The family of a config.json; undefined for an architecture that is not known. */
function familyNamedBy(config: unknown, modelType: string): Family | undefined {
  const named = namedBy(config, modelType);
  return named === null ? undefined : familyOf(named.textType);
}

/**
 * Loads the family of a config.json, parsed, for everything that asks about it from then on. Only who came in by
 * `on-demand.ts` needs it.
 */
export async function loadFamilyOf(config: unknown): Promise<void> {
  const parsed = outlineSchema.safeParse(config);
  const named = parsed.success ? namedBy(config, parsed.data.model_type) : null;
  if (named !== null) await loadFamily(named.textType);
}

/** A model type that stands alone, with its class. */
export interface NamedModel {
  readonly modelType: string;
  readonly className: string;
}

/** All of them by `model_type`. */
export function knownModels(): readonly NamedModel[] {
  return [...listedModels.values()].flatMap(({ modelType, className }) =>
    className === null ? [] : [{ modelType, className }],
  );
}

/** The classes of transformers that a config.json may name. */
function knownClasses(): string[] {
  const within = Object.values(wrappers).filter(({ textType }) => listedModels.has(textType));
  return [...knownModels(), ...within].map(({ className }) => className);
}

/** Letters that two names begin with alike, but for a separator at their end. */
function commonStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a[length - 1] === '_' ? length - 1 : length;
}

/** As `knownClasses`, those of wrappers included whose text model is not listed. */
function isKnownClass(className: string): boolean {
  return [...knownModels(), ...Object.values(wrappers)].some(
    (known) => known.className === className,
  );
}

/** The known class of the same line of models: its name without number and suffix begins the unknown one. */
function similarTo(modelType: string): string | null {
  let best: { readonly className: string; readonly length: number } | null = null;
  for (const { modelType: known, className } of knownModels()) {
    const line = /^[a-z]+/.exec(known)?.[0] ?? known;
    const length = commonStart(modelType, known);
    if (modelType.startsWith(line) && length > (best?.length ?? 0)) best = { className, length };
  }
  return best?.className ?? null;
}

/** An error for a model that Nibble does not know, with the list of those it does. */
function unknownArchitecture(
  className: string,
  modelType: string,
  which: 'quantizable' | 'runnable',
): AppError {
  const verb = which === 'quantizable' ? 'quantize' : 'run';
  const similar = similarTo(modelType);
  const remedy = `Choose a model of one of these architectures: ${knownClasses().join(', ')}.`;
  return new AppError(
    'unsupported-model',
    `${className} (model_type ${modelType}) is not an architecture that Nibble can ${verb}.`,
    similar === null
      ? because('unknown-architecture', { architecture: className }, { remedy })
      : because('unknown-architecture-similar', { architecture: className, similar }, { remedy }),
  );
}

/**
 * Names a model and says what Nibble can do with it. Never refuses a model: callers that need one do.
 *
 * @param config The parsed config.json.
 * @param tensors Of its weights, where they are known: not every quantized checkpoint says so in its config.json.
 * @throws AppError `malformed-file` when there is no model_type
 */
export function describeArchitecture(
  config: unknown,
  tensors: readonly StoredTensor[] = [],
): ArchitectureDescription {
  const parsed = outlineSchema.safeParse(config);
  if (!parsed.success)
    throw new AppError(
      'malformed-file',
      'config.json does not name a model_type.',
      because(
        'bad-config-value',
        { field: 'model_type', value: '' },
        {
          remedy:
            'Nibble reads checkpoints in the layout of transformers: choose another repository.',
          cause: parsed.error,
        },
      ),
    );
  const whole = parsed.data;
  const known = namedBy(config, whole.model_type);
  const sizes = known === null ? undefined : outlineSchema.safeParse(known.text).data;
  const outline = { ...whole, ...sizes, model_type: whole.model_type };
  const stated = whole.architectures?.[0];
  // As in transformers, the type decides which of the known classes it is; with a type that is unknown none is.
  const className =
    stated === undefined || isKnownClass(stated)
      ? (known?.className ?? outline.model_type)
      : stated;
  const isKnown = known?.className === className;
  const method = quantizationMethod(config, tensors);
  const obstacle =
    method !== null
      ? alreadyQuantized(method)
      : isKnown
        ? null
        : unknownArchitecture(className, outline.model_type, 'quantizable');
  return {
    modelType: outline.model_type,
    className,
    quantizable: obstacle === null,
    textOnly: Object.hasOwn(wrappers, outline.model_type),
    runnable: isKnown,
    obstacle,
    layers: outline.num_hidden_layers ?? outline.n_layer ?? null,
    hiddenSize: outline.hidden_size ?? outline.n_embd ?? null,
    vocabularySize: outline.vocab_size ?? null,
    contextLength: outline.max_position_embeddings ?? outline.n_positions ?? null,
  };
}

/** What the norms of a model do with weights of another type; null for a family that is not known. */
export function normType(config: unknown): 'widen' | 'keep' | null {
  const parsed = outlineSchema.safeParse(config);
  return parsed.success ? (familyNamedBy(config, parsed.data.model_type)?.normType ?? null) : null;
}

/** An error for a tensor that the weights lack. @param has Whether they have a tensor of another name. */
export function missingTensor(tensor: string, has: (name: string) => boolean): AppError {
  const bare = tensor.replace(/^model\./, '');
  if (bare !== tensor && has(bare))
    return new AppError(
      'unsupported-model',
      `The weights have ${bare} in place of ${tensor}: they were saved from the bare model, without its output layer.`,
      because(
        'tensor-without-prefix',
        { tensor, found: bare },
        { remedy: 'Choose the whole model, or save it again with AutoModelForCausalLM.' },
      ),
    );
  return new AppError(
    'malformed-file',
    `The tensor ${tensor} is missing from the weights.`,
    because(
      'missing-tensor',
      { tensor },
      { remedy: 'Download the checkpoint again, or check that all of its files are there.' },
    ),
  );
}

/** An error for weights that are quantized already. */
export function alreadyQuantized(method: string): AppError {
  return new AppError(
    'unsupported-model',
    `This checkpoint is already quantized (${method}).`,
    because(
      'already-quantized',
      { method },
      {
        remedy:
          'Choose the original, unquantized repository: quantizing twice would only add errors.',
      },
    ),
  );
}

/**
 * The test for linear layers of a model: given a tensor's name, whether it is the weight of one.
 *
 * @param tensors As for `describeArchitecture`; without them names are those of a model that holds text alone.
 * @throws AppError `unsupported-model` for an architecture that is not known, or one that is already quantized
 */
export function linearWeightTest(
  config: unknown,
  tensors: readonly StoredTensor[] = [],
): (tensorName: string) => boolean {
  const { obstacle, modelType, layers } = describeArchitecture(config, tensors);
  if (obstacle !== null) throw obstacle;
  const family = familyNamedBy(config, modelType);
  const names = textNames(tensors);
  return (tensorName) => {
    const [, layer, module] =
      /^model\.layers\.(\d+)\.(.+)\.weight$/.exec(names.plain(tensorName) ?? '') ?? [];
    if (module === undefined) return false;
    // Layers behind the last one predict further tokens ahead, which nothing here does.
    return (layers === null || Number(layer) < layers) && family?.isLinear(module) === true;
  };
}

/**
 * The tensors of a checkpoint, every expert's matrices by themselves, under the names that they have there or would have if they
 * were not in one.
 *
 * @param config Its config.json, parsed; of an unknown architecture nothing is taken apart.
 */
export function separateTensors(
  config: unknown,
  tensors: readonly TensorInfo[],
): readonly ModelTensor[] {
  const { modelType, hiddenSize } = describeArchitecture(config);
  const family = familyNamedBy(config, modelType);
  const stacks = family?.stacks ?? [];
  const isTransposed = family?.storesTransposed === true;
  if (stacks.length === 0 && !isTransposed) return tensors;
  const { plain } = textNames(tensors);
  const separate = withoutStacks(tensors, stacks, hiddenSize ?? 0, plain);
  return isTransposed
    ? separate.map((tensor) => byRows(tensor, family, plain(tensor.name)))
    : separate;
}

const FLOATS: ReadonlySet<string> = new Set(['BF16', 'F16', 'F32']);

/** The weight of a linear layer that its family stores by columns. What was quantized lies by rows. */
function byRows(tensor: ModelTensor, family: Family, name: string | null): ModelTensor {
  const module = /^model\.layers\.\d+\.(.+)\.weight$/.exec(name ?? '')?.[1];
  const [columns, rows, ...others] = tensor.shape;
  const isStored = FLOATS.has(tensor.dtype) && others.length === 0;
  if (module === undefined || !family.isLinear(module) || !isStored) return tensor;
  if (columns === undefined || rows === undefined) return tensor;
  return { ...tensor, shape: [rows, columns], transposed: { width: rows, first: 0, step: 1 } };
}

/** The tensors of the text model alone, under the names that families know, every expert's matrices by themselves. */
export function modelTensors(
  config: unknown,
  tensors: readonly TensorInfo[],
): readonly ModelTensor[] {
  return textTensors(separateTensors(config, tensors));
}

/** The fields of the text model: the config itself, or the part of it that describes one within another. */
export function textConfig(config: unknown): unknown {
  return namedBy(config, describeArchitecture(config).modelType)?.text ?? config;
}

/**
 * Reads what running a model needs from its config.json (parsed). A `quantization_config` is no obstacle: artifacts have
 * one.
 *
 * @throws AppError `unsupported-model` for an architecture or a feature that there are no operators for,
 *   `malformed-file` for numbers that are out of range or contradict each other
 */
export function readDecoder(config: unknown): Decoder {
  const { modelType, className } = describeArchitecture(config);
  const known = namedBy(config, modelType);
  if (known?.className !== className) throw unknownArchitecture(className, modelType, 'runnable');
  return familyOf(known.textType).read(known.text, { modelType, className });
}
