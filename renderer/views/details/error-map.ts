import type { TensorStatistics } from '../../../app/contract/checkpoint.ts';
import { matrixKinds, placeOf, type MatrixKind } from './matrix-kind.ts';

/** The quantized tensors of one kind in one layer: one, or as many as there are experts. */
export interface ErrorCell {
  readonly layer: number | null;
  readonly kind: MatrixKind;
  /** RMS error over the RMS of the weights, of all of them together. */
  readonly relativeError: number;
  readonly sqnrDb: number;
  readonly tensors: number;
  /** The one that lost most. */
  readonly worst: string;
}

export interface ErrorMap {
  /** In order; null first where tensors outside the layers were quantized. */
  readonly layers: readonly (number | null)[];
  readonly kinds: readonly MatrixKind[];
  readonly cells: readonly ErrorCell[];
  readonly worst: ErrorCell;
}

export interface LayerError {
  readonly layer: number;
  readonly relativeError: number;
  readonly sqnrDb: number;
  /** Of its kinds of matrix. */
  readonly least: number;
  readonly most: number;
}

interface Sums {
  noise: number;
  signal: number;
}

/** A tensor whose loss is a number, and more than none. */
interface Lossy extends TensorStatistics {
  readonly rmsError: number;
  readonly relativeError: number;
}

function add(sums: Sums, { rmsError, relativeError, numel }: Lossy): void {
  sums.noise += rmsError ** 2 * numel;
  sums.signal += (rmsError / relativeError) ** 2 * numel;
}

const relativeOf = ({ noise, signal }: Sums): number => Math.sqrt(noise / signal);
/** dB from a ratio of amplitudes. */
const decibels = (relative: number): number => -20 * Math.log10(relative);

/** True for tensors that are known to have lost something: the ratio of signal to noise of others would be infinite. */
function lost(tensor: TensorStatistics): tensor is Lossy {
  return (
    tensor.treatment === 'quantized' &&
    tensor.rmsError !== null &&
    tensor.relativeError !== null &&
    tensor.rmsError > 0 &&
    tensor.relativeError > 0 &&
    Number.isFinite(tensor.relativeError)
  );
}

/** The error of every kind of matrix in every layer; null where nothing lost anything. */
export function errorMap(tensors: readonly TensorStatistics[]): ErrorMap | null {
  const groups = new Map<string, { layer: number | null; kind: MatrixKind; list: Lossy[] }>();
  for (const tensor of tensors) {
    if (!lost(tensor)) continue;
    const { layer, kind } = placeOf(tensor.name);
    const key = `${layer} ${kind}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { layer, kind, list: [tensor] });
    else group.list.push(tensor);
  }
  const cells = [...groups.values()].map(({ layer, kind, list }): ErrorCell => {
    const sums: Sums = { noise: 0, signal: 0 };
    for (const tensor of list) add(sums, tensor);
    const relativeError = relativeOf(sums);
    return {
      layer,
      kind,
      relativeError,
      sqnrDb: decibels(relativeError),
      tensors: list.length,
      worst: list.reduce((a, b) => (b.relativeError > a.relativeError ? b : a)).name,
    };
  });
  const [first, ...rest] = cells;
  if (first === undefined) return null;
  const layers = [...new Set(cells.map(({ layer }) => layer))].sort(
    (a, b) => (a ?? -1) - (b ?? -1),
  );
  return {
    layers,
    kinds: matrixKinds.filter((kind) => cells.some((cell) => cell.kind === kind)),
    cells,
    worst: rest.reduce((a, b) => (b.relativeError > a.relativeError ? b : a), first),
  };
}

/** The error of every layer, all its quantized tensors together, from first to last. */
export function layerErrors(tensors: readonly TensorStatistics[]): readonly LayerError[] {
  const layers = new Map<number, Sums & { least: number; most: number }>();
  for (const tensor of tensors) {
    const { layer } = placeOf(tensor.name);
    if (layer === null || !lost(tensor)) continue;
    const sums = layers.get(layer) ?? { noise: 0, signal: 0, least: Infinity, most: 0 };
    add(sums, tensor);
    sums.least = Math.min(sums.least, tensor.relativeError);
    sums.most = Math.max(sums.most, tensor.relativeError);
    layers.set(layer, sums);
  }
  return [...layers]
    .sort(([a], [b]) => a - b)
    .map(([layer, sums]) => {
      const relativeError = relativeOf(sums);
      return {
        layer,
        relativeError,
        sqnrDb: decibels(relativeError),
        least: sums.least,
        most: sums.most,
      };
    });
}
