import { tensorBytes } from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';

/**
 * Experts that lie in one tensor. Makers publish a mixture's matrices one by one, or all experts of a layer in one tensor, gate
 * and up together, some of them transposed. Here every expert's matrix becomes a tensor of its own, a part of the file's, so that
 * nobody behind this knows more than one layout.
 */

/** A tensor of a layer that holds matrices of all experts: [experts, rows, columns] or [experts, columns, rows]. */
export interface ExpertStack {
  /** Its name within the layer. */
  readonly tensor: string;
  /** Modules of one expert's matrices in their order, `*` being its number: their rows follow each other. */
  readonly matrices: readonly string[];
  /** Whether its matrices read what the layers hand on, or make it: of which side hiddenSize is. */
  readonly hidden: 'in' | 'out';
  /** Whether a matrix is stored by rows, as elsewhere, or by columns; `either`: as hiddenSize tells, by rows in doubt. */
  readonly order: 'rows' | 'columns' | 'either';
  /** Whether rows of the matrices take turns, instead of following each other. @default false */
  readonly alternating?: boolean;
}

/** A tensor of a layer [experts, ..] whose slices are tensors of one expert each. */
export interface ExpertSlices {
  /** Its name within the layer. */
  readonly tensor: string;
  /** Name of a slice, `*` being the expert's number. */
  readonly slice: string;
}

/** Both stacks of most families. @param module Of the experts, within the layer. */
export function expertStacks(module: string, order: ExpertStack['order']): readonly ExpertStack[] {
  return [
    {
      tensor: `${module}.gate_up_proj`,
      matrices: [`${module}.*.gate_proj`, `${module}.*.up_proj`],
      hidden: 'in',
      order,
    },
    {
      tensor: `${module}.down_proj`,
      matrices: [`${module}.*.down_proj`],
      hidden: 'out',
      order,
    },
  ];
}

/** A matrix that lies transposed in a larger one, row-major [columns of the matrix, width] from `byteOffset` on. */
export interface TransposedBlock {
  readonly width: number;
  /** Row r of the matrix is column first + r · step. */
  readonly first: number;
  readonly step: number;
}

/** A tensor, or a part of one. */
export interface ModelTensor extends TensorInfo {
  /** Where it lies by columns; `byteLength` then counts its own elements, not the bytes between them. */
  readonly transposed?: TransposedBlock;
}

/** The parts of one stack. @param prefix Of the layer. */
function unstacked(
  tensor: TensorInfo,
  stack: ExpertStack,
  prefix: string,
  hiddenSize: number,
): ModelTensor[] | null {
  const [experts = 0, second = 0, third = 0] = tensor.shape;
  const parts = stack.matrices.length;
  const isByRows =
    stack.order === 'rows' ||
    (stack.order === 'either' && (stack.hidden === 'in' ? third : second) === hiddenSize);
  const [allRows, columns] = isByRows ? [second, third] : [third, second];
  const rows = allRows / parts;
  const blockBytes = tensorBytes(tensor.dtype, [second, third]);
  const byteLength = tensorBytes(tensor.dtype, [rows, columns]);
  // What does not fit is left as it is: whoever needs its parts says that they are missing.
  if (tensor.shape.length !== 3 || !Number.isInteger(rows) || rows === 0) return null;
  if (blockBytes === null || byteLength === null) return null;
  const isAlternating = stack.alternating === true;
  if (isByRows && isAlternating && parts > 1) return null;
  return Array.from({ length: experts }, (_, expert) =>
    stack.matrices.map((module, part): ModelTensor => {
      const byteOffset = tensor.byteOffset + expert * blockBytes;
      const own = {
        ...tensor,
        name: `${prefix}${module.replace('*', String(expert))}.weight`,
        shape: [rows, columns],
        byteLength,
      };
      if (isByRows) return { ...own, byteOffset: byteOffset + part * byteLength };
      const [first, step] = isAlternating ? [part, parts] : [part * rows, 1];
      return { ...own, byteOffset, transposed: { width: allRows, first, step } };
    }),
  ).flat();
}

function sliced(tensor: TensorInfo, { slice }: ExpertSlices, prefix: string): ModelTensor[] | null {
  const [experts = 0, ...shape] = tensor.shape;
  const byteLength = tensor.byteLength / experts;
  if (shape.length === 0 || !Number.isInteger(byteLength)) return null;
  return Array.from({ length: experts }, (_, expert) => ({
    ...tensor,
    name: `${prefix}${slice.replace('*', String(expert))}`,
    shape,
    byteOffset: tensor.byteOffset + expert * byteLength,
    byteLength,
  }));
}

/**
 * The tensors of a model, every expert's matrices by themselves.
 *
 * @param plain What a text model calls a tensor; null for what is no part of one.
 */
export function withoutStacks(
  tensors: readonly TensorInfo[],
  stacks: readonly (ExpertStack | ExpertSlices)[],
  hiddenSize: number,
  plain: (name: string) => string | null,
): readonly ModelTensor[] {
  if (stacks.length === 0) return tensors;
  return tensors.flatMap((tensor) => {
    const [, own] = /^model\.layers\.\d+\.(.+)$/.exec(plain(tensor.name) ?? '') ?? [];
    const stack = stacks.find((each) => each.tensor === own);
    if (own === undefined || stack === undefined) return [tensor];
    const prefix = tensor.name.slice(0, tensor.name.length - own.length);
    const parts =
      'slice' in stack
        ? sliced(tensor, stack, prefix)
        : unstacked(tensor, stack, prefix, hiddenSize);
    return parts ?? [tensor];
  });
}
