import {
  dequantizeInt8Rows,
  quantizeInt8Rows,
  quantizeInt8RowsFile,
} from '../../../native-kernels/index.ts';
import type { CheckpointReader } from '../../checkpoint/index.ts';
import {
  bytesOf,
  floatTypes,
  matrixShape,
  type Part,
  type QuantizedMatrix,
  type QuantizedReader,
  type WeightFormat,
} from '../format.ts';
import { floatsOf, kernelOptions, partOf, signedOf } from '../parts.ts';
import { bitsandbytesConfig } from './config.ts';

function rowsReader(
  artifact: CheckpointReader,
  { name, rows, columns }: QuantizedMatrix,
): QuantizedReader {
  const codes = partOf(artifact, name, rows * columns);
  const absmax = partOf(artifact, `${name.replace(/\.weight$/, '')}.SCB`, rows * 4);
  return {
    numel: rows * columns,
    step: columns,
    read: async (start, end, signal) => {
      const [first, last] = [start / columns, end / columns];
      const codeBytes = await artifact.readRange(codes, start, end, { signal });
      const scales = await artifact.readRange(absmax, first * 4, last * 4, { signal });
      return dequantizeInt8Rows(
        { codes: signedOf(codeBytes), rowAbsmax: floatsOf(scales) },
        { rows: last - first, columns },
        kernelOptions(signal),
      );
    },
    levels: () => Promise.resolve(Array.from({ length: 255 }, (_, i) => (i - 127) / 127)),
  };
}

/** LLM.int8: codes of 8 bits with an absmax for every row (Dettmers et al. 2022), as bitsandbytes stores them. */
export const llmInt8: WeightFormat = {
  name: 'llm-int8',
  label: 'LLM.int8',
  explanation:
    'Eight bits per weight with one scale per row; the few activation columns that are very large are multiplied in full precision.',
  family: 'bitsandbytes',
  bits: 8,
  blockSizes: [],
  recommendation: 2,
  bitsPerWeight: () => 8,
  quantizer: {
    outputs: (source) => {
      const { name } = source;
      const { rows, columns } = matrixShape(source);
      const module = name.replace(/\.weight$/, '');
      return [
        { name, part: 'codes', dtype: 'I8', shape: [rows, columns] },
        { name: `${module}.SCB`, part: 'row_absmax', dtype: 'F32', shape: [rows] },
        { name: `${module}.weight_format`, part: 'weight_format', dtype: 'U8', shape: [] },
      ];
    },
    // 0 is the row-major layout, the only one that bitsandbytes still reads.
    tables: () => new Map<Part, Uint8Array>([['weight_format', Uint8Array.of(0)]]),
    stateText: null,
    quantizeFile: async (weights, matrix, { path, placeOf }, options) => {
      const made = await quantizeInt8RowsFile(
        { ...weights, type: floatTypes[matrix.dtype] },
        matrixShape(matrix.source),
        { path, codes: placeOf('codes'), rowAbsmax: placeOf('row_absmax') },
        options,
      );
      const hashes = new Map<Part, string>([
        ['codes', made.codes],
        ['row_absmax', made.rowAbsmax],
      ]);
      return { hashes, nestedOffset: null, statistics: made.statistics };
    },
    quantizeBytes: async (bytes, matrix, options) => {
      const source = { bytes, type: floatTypes[matrix.dtype] };
      const made = await quantizeInt8Rows(source, matrixShape(matrix.source), options);
      const parts = new Map<Part, Uint8Array>([
        ['codes', bytesOf(made.codes)],
        ['row_absmax', bytesOf(made.rowAbsmax)],
      ]);
      return { parts, statistics: made.statistics };
    },
    refuses: 'NaN, infinite or too large for float16',
    reader: (artifact, matrix) => Promise.resolve(rowsReader(artifact, matrix)),
  },
  roundingRule: 'float16(w) * (127 * (1 / row absmax)) in float32, rounded half to even',
  config: (facts) => bitsandbytesConfig(facts, null),
  isReadElsewhere: true,
};
