import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  codebook,
  dequantize4bit,
  quantize4bit,
  quantizeInt8Rows,
} from '../../native-kernels/index.ts';
import { bytesOf, goldenTensors, quantizerIsas, sourceOf } from './quantizers-data.ts';

const golden = goldenTensors();
const isas = quantizerIsas();

function sha256(array: ArrayBufferView, digits = 64): string {
  return createHash('sha256').update(bytesOf(array)).digest('hex').slice(0, digits);
}

describe('code tables', () => {
  it.each([
    ['nf4', '8501941daa1b8a90ad1bbfeb632e5101b5dddbc4bb52d6e55abcfd777e60c06a'],
    ['fp4', 'b830bcf8857895e5676b8e2ce608a60bb8af9b3ce6270073e9de34814196f09c'],
    ['dynamic8', 'e732639a65f497b4ad684bb166a4467708255edd5207757de8b8f0c7e1fda89c'],
  ] as const)('%s has the bits of bitsandbytes', (name, hash) => {
    expect(sha256(codebook(name))).toBe(hash);
    expect(bytesOf(codebook(name))).toEqual(golden(`${name}_quant_map`));
  });
});

describe.each(isas)('4-bit codes of bitsandbytes, %s', (isa) => {
  const tensors = ['w', 'odd'];
  const cases = tensors.flatMap((tensor) =>
    (['nf4', 'fp4'] as const).flatMap((type) =>
      [64, 128, 256, 4096].map((blockSize) => ({ tensor, type, blockSize })),
    ),
  );

  it.each(cases)(
    'are equal for $tensor, $type, $blockSize',
    async ({ tensor, type, blockSize }) => {
      const source = { bytes: new Uint8Array(golden(tensor)), type: 'f32' } as const;
      const numel = source.bytes.length / 4;
      const spec = { type, blockSize };
      const name = `${tensor}.${type}.${blockSize}`;

      const single = await quantize4bit(source, { ...spec, doubleQuant: false }, { isa });
      expect(bytesOf(single.codes)).toEqual(golden(`${name}.codes`));
      expect(bytesOf(single.absmax)).toEqual(golden(`${name}.absmax`));
      const weights = await dequantize4bit(single, { ...spec, numel }, { isa });
      expect(bytesOf(weights)).toEqual(golden(`${name}.dequantized`));

      const double = await quantize4bit(source, { ...spec, doubleQuant: true }, { isa });
      expect(bytesOf(double.codes)).toEqual(golden(`${name}.dq.codes`));
      expect(bytesOf(double.absmax)).toEqual(golden(`${name}.dq.absmax`));
      expect(bytesOf(double.nested.absmax)).toEqual(golden(`${name}.dq.nested_absmax`));
      expect(bytesOf(Float32Array.of(double.nested.offset))).toEqual(golden(`${name}.dq.offset`));
      const again = await dequantize4bit(double, { ...spec, numel }, { isa });
      expect(bytesOf(again)).toEqual(golden(`${name}.dq.dequantized`));
    },
  );

  it('are equal for a layer that transformers saved', async () => {
    const source = { bytes: new Uint8Array(golden('w')), type: 'f32' } as const;
    const spec = { type: 'nf4', blockSize: 64, doubleQuant: true } as const;
    const { codes, absmax, nested } = await quantize4bit(source, spec, { isa });
    const state = JSON.parse(
      golden('linear4bit.weight.quant_state.bitsandbytes__nf4').toString('utf8'),
    ) as { nested_offset: number };
    expect(bytesOf(codes)).toEqual(golden('linear4bit.weight'));
    expect(bytesOf(absmax)).toEqual(golden('linear4bit.weight.absmax'));
    expect(bytesOf(nested.absmax)).toEqual(golden('linear4bit.weight.nested_absmax'));
    expect(nested.offset).toBe(state.nested_offset);
  });
});

describe.each(isas)('LLM.int8 rows of bitsandbytes, %s', (isa) => {
  it('rounds the reciprocal of absmax before it multiplies by 127, as PyTorch does', async () => {
    // Half of absmax: 64 with one division, 63 with PyTorch's two roundings. Values are exact in float16.
    for (const [absmax, half] of [
      [0.063232421875, 0.0316162109375],
      [0.06353759765625, 0.031768798828125],
    ] as const) {
      const weights = Float32Array.of(absmax, half);
      const source = { bytes: new Uint8Array(weights.buffer), type: 'f32' } as const;
      const { codes } = await quantizeInt8Rows(source, { rows: 1, columns: 2 }, { isa });
      expect([...codes]).toEqual([127, 63]);
    }
  });

  it.each([
    { tensor: 'w', rows: 96, columns: 256 },
    { tensor: 'odd', rows: 7, columns: 37 },
  ])('are equal for $tensor', async ({ tensor, ...shape }) => {
    const source = { bytes: new Uint8Array(golden(tensor)), type: 'f32' } as const;
    const { codes, rowAbsmax } = await quantizeInt8Rows(source, shape, { isa });
    expect(bytesOf(codes)).toEqual(golden(`${tensor}.int8_row.codes`));
    expect(bytesOf(rowAbsmax)).toEqual(golden(`${tensor}.int8_row.absmax`));
  });
});

/** Prefixes of sha256, measured with bitsandbytes 0.50.2 on a CPU. */
describe.each(isas)('a formula of 32,768 weights, %s', (isa) => {
  const weights = Float32Array.from(
    { length: 32768 },
    // Each step in float32, as NumPy computes it.
    (_, i) => Math.fround(((i * 7919 + 104729) % 65521) / 65521) - 0.5,
  );
  const scales = {
    32: ['0785f6053bf615ef', '27f5afbd2841022c', '9b1562956f130053', 0.491854190826416],
    64: ['37034dc74b4a9c9f', '1c475b2839613815', '8804155f38d1a023', 0.49567753076553345],
    128: ['2c004f4c93ac8faa', '9f224eaea92df369', '5ec5bb2a6419f270', 0.49752897024154663],
  } as const;

  it.each([
    ['nf4', 32, '9cef01369bdf0135', 'c9316fda76eaf131'],
    ['nf4', 64, '9cef12369bdf0135', 'b2c1c2c5f5f4efe6'],
    ['nf4', 128, '9cef12369bdf0135', '5da881500bcb27f8'],
    ['fp4', 32, '6523bace6423bade', '793ded49ba54dafc'],
    ['fp4', 64, '6523bace6423bade', '7d05ff5a49abd7ae'],
    ['fp4', 128, '6523bace6423bade', 'e2454a285615b2b9'],
  ] as const)('has the hashes of bitsandbytes for %s, %i', async (type, blockSize, first, hash) => {
    const [absmaxHash, codesHash, nestedHash, offset] = scales[blockSize];
    const source = sourceOf(weights, 'f32');
    const single = await quantize4bit(source, { type, blockSize, doubleQuant: false }, { isa });
    expect(bytesOf(single.codes).toString('hex', 0, 8)).toBe(first);
    expect(sha256(single.codes, 16)).toBe(hash);
    expect(sha256(single.absmax, 16)).toBe(absmaxHash);
    const double = await quantize4bit(source, { type, blockSize, doubleQuant: true }, { isa });
    expect(sha256(double.absmax, 16)).toBe(codesHash);
    expect(sha256(double.nested.absmax, 16)).toBe(nestedHash);
    expect(double.nested.offset).toBe(offset);
  });

  it.each(['f32', 'f16'] as const)('has the hashes of LLM.int8 from %s', async (type) => {
    const source = sourceOf(weights, type);
    const shape = { rows: 128, columns: 256 };
    const { codes, rowAbsmax } = await quantizeInt8Rows(source, shape, { isa });
    expect([...codes.subarray(0, 8)]).toEqual([25, 56, 87, 117, -106, -76, -45, -14]);
    expect(sha256(codes, 16)).toBe('c2b790898becd0cc');
    expect(sha256(rowAbsmax, 16)).toBe('42bb262261b97f96');
  });
});
