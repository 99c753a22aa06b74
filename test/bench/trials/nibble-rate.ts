// Rate of Nibble's quantizers on the processor: bfloat16 weights in memory to codes, scales and error statistics, as
// bitsandbytes-rate.py measures; prints one line of JSON.
import { quantize4bit, quantizeInt8Rows } from '../../../native-kernels/index.ts';
import { toBf16, valuesOf } from '../synthetic-weights.ts';

const [rows = 0, columns = 0, threads = 1] = process.argv.slice(2).map(Number);
const spec = { name: 'matrix', ggufName: '', shape: [rows, columns] };
const source = {
  bytes: new Uint8Array(toBf16(valuesOf(spec, 1)).buffer),
  type: 'bf16',
} as const;
const options = { threads };

async function rate(quantize: () => Promise<unknown>): Promise<number> {
  await quantize();
  const started = performance.now();
  await quantize();
  return (1000 * rows * columns) / (performance.now() - started);
}

const fourBit = (doubleQuant: boolean): Promise<number> =>
  rate(() =>
    doubleQuant
      ? quantize4bit(source, { type: 'nf4', blockSize: 64, doubleQuant: true }, options)
      : quantize4bit(source, { type: 'nf4', blockSize: 64, doubleQuant: false }, options),
  );
console.log(
  JSON.stringify({
    rates: {
      nf4: await fourBit(false),
      'nf4-dq': await fourBit(true),
      'llm-int8': await rate(() => quantizeInt8Rows(source, { rows, columns }, options)),
    },
  }),
);
