import type { TensorStatistics } from '../../../app/contract/checkpoint.ts';

export const tensorColumns = [
  'name',
  'shape',
  'dtype',
  'treatmentColumn',
  'blockSize',
  'bytes',
  'bits',
  'sqnr',
  'relative',
  'max',
  'cosine',
] as const;
export type TensorColumn = (typeof tensorColumns)[number];

export interface TensorFilter {
  readonly text: string;
  readonly treatment: 'all' | 'quantized' | 'kept';
  /** Null: as they lie in the file. */
  readonly sort: TensorColumn | null;
  readonly descending: boolean;
}

const collator = new Intl.Collator('en', { numeric: true });

/** What a tensor is sorted by; null comes last in both directions. */
function valueOf(tensor: TensorStatistics, column: TensorColumn): string | number | null {
  const isQuantized = tensor.treatment === 'quantized';
  switch (column) {
    case 'name':
      return tensor.name;
    case 'shape':
      return tensor.numel;
    case 'dtype':
      return tensor.dtype;
    case 'treatmentColumn':
      return isQuantized ? '' : (tensor.reason ?? tensor.treatment);
    case 'blockSize':
      return tensor.blockSize;
    case 'bytes':
      return tensor.storedBytes;
    case 'bits':
      return tensor.bitsPerWeight;
    case 'sqnr':
      return tensor.sqnrDb;
    case 'relative':
      return isQuantized ? tensor.relativeError : null;
    case 'max':
      return isQuantized ? tensor.maxError : null;
    case 'cosine':
      return isQuantized ? tensor.cosine : null;
  }
}

/** The tensors that pass the filter, in the order that was asked for. */
export function tensorRows(
  tensors: readonly TensorStatistics[],
  { text, treatment, sort, descending }: TensorFilter,
): readonly TensorStatistics[] {
  const needle = text.trim().toLowerCase();
  const shown = tensors.filter(
    (tensor) =>
      (treatment === 'all' || tensor.treatment === treatment) &&
      (needle === '' || tensor.name.toLowerCase().includes(needle)),
  );
  if (sort === null) return shown;
  const keyed = shown.map((tensor) => ({ tensor, value: valueOf(tensor, sort) }));
  keyed.sort(({ value: a }, { value: b }) => {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    const order =
      typeof a === 'number' && typeof b === 'number'
        ? a - b
        : collator.compare(String(a), String(b));
    return descending ? -order : order;
  });
  return keyed.map(({ tensor }) => tensor);
}
