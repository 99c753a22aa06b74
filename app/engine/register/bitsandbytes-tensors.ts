import type { CheckpointReader } from '../../checkpoint/index.ts';
import type { Dtype, TensorInfo, TensorStatistics } from '../../contract/checkpoint.ts';
import type { SchemeName } from '../../contract/scheme.ts';
import { joinHashes } from '../../digest/index.ts';
import { parseQuantState, type QuantState } from '../../run/index.ts';
import { schemeOfStored } from '../../formats/index.ts';

/** A weight of a model as it is stored, with everything that belongs to it. */
export interface StoredWeight {
  readonly statistics: TensorStatistics;
  /** Null for a tensor that is not quantized. */
  readonly scheme: SchemeName | null;
}

const QUANT_STATE = /^(.+\.weight)\.quant_state\.bitsandbytes__(?:nf4|fp4)$/;

/** Constants of the format are stored, but do not count as bits of the weights. */
const CONSTANT = /\.(?:quant_map|nested_quant_map|weight_format)$|\.quant_state\.[^.]+$/;

const floatTypes: Readonly<Record<string, Dtype>> = {
  bfloat16: 'BF16',
  float16: 'F16',
  float32: 'F32',
};

/** What the weights were before, as config.json says; float16 is what bitsandbytes turns them into otherwise. */
function sourceType(config: Readonly<Record<string, unknown>>): Dtype {
  const name = config['dtype'] ?? config['torch_dtype'];
  return (typeof name === 'string' ? floatTypes[name] : undefined) ?? 'F16';
}

function numelOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function bytesOf(parts: readonly TensorInfo[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** The tensors of one weight, whose own name comes first. */
interface Group {
  readonly name: string;
  readonly parts: TensorInfo[];
  state: QuantState | null;
}

/** @returns the weight that a tensor belongs to, by its name; its own where it belongs to none */
function ownerOf(name: string, names: ReadonlySet<string>): string {
  const fourBit =
    /^(.+\.weight)\.(?:absmax|quant_map|nested_absmax|nested_quant_map|quant_state\..+)$/;
  const owner = fourBit.exec(name)?.[1] ?? /^(.+)\.(?:SCB|weight_format)$/.exec(name)?.[1];
  const weight = owner === undefined || owner.endsWith('.weight') ? owner : `${owner}.weight`;
  return weight !== undefined && names.has(weight) ? weight : name;
}

function schemeOf({ state, parts }: Group): SchemeName | null {
  if (state !== null) return schemeOfStored(state.type, state.nestedOffset !== null);
  return parts.some(({ name }) => name.endsWith('.SCB')) ? schemeOfStored(null, false) : null;
}

/**
 * The weights of a folder that transformers saved with bitsandbytes. What quantizing cost them is unknown: the originals
 * are not there.
 *
 * @param hashes Tree hashes of all tensors, by name.
 * @throws AppError `malformed-file` for a quantization state that is none
 */
export async function bitsandbytesTensors(
  checkpoint: CheckpointReader,
  hashes: ReadonlyMap<string, string>,
): Promise<StoredWeight[]> {
  const names = new Set(checkpoint.tensors.map(({ name }) => name));
  const groups = new Map<string, Group>();
  for (const tensor of checkpoint.tensors) {
    const name = ownerOf(tensor.name, names);
    const group = groups.get(name) ?? { name, parts: [], state: null };
    groups.set(name, group);
    group.parts.push(tensor);
    if (QUANT_STATE.test(tensor.name))
      group.state = parseQuantState(await checkpoint.readTensor(tensor), tensor.name);
  }
  const before = sourceType(checkpoint.config);
  return [...groups.values()].map((group) => {
    const { name, parts, state } = group;
    const scheme = schemeOf(group);
    const own = parts.find((part) => part.name === name);
    const shape = [...(state?.shape ?? own?.shape ?? [])];
    const numel = numelOf(shape);
    const weightBytes = bytesOf(parts.filter((part) => !CONSTANT.test(part.name)));
    const isQuantized = scheme !== null;
    const error = isQuantized ? null : 0;
    const statistics: TensorStatistics = {
      name,
      dtype: isQuantized ? before : (own?.dtype ?? before),
      shape,
      treatment: isQuantized ? 'quantized' : 'kept',
      reason: null,
      blockSize: state?.blockSize ?? null,
      numel,
      storedBytes: bytesOf(parts),
      bitsPerWeight: numel === 0 ? 0 : (8 * weightBytes) / numel,
      rmsError: error,
      relativeError: error,
      maxError: error,
      sqnrDb: null,
      cosine: isQuantized ? null : 1,
      sha256: joinHashes(parts.map((part) => hashes.get(part.name) ?? '')),
    };
    return { statistics, scheme };
  });
}
