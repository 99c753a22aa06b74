// Tensors quantized on a CUDA device against the processor's, through the door that the app uses. The kernels themselves
// are checked more thoroughly, and without Node, by native-kernels/cuda/check.sh.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  probeGpus,
  quantize4bit,
  quantizeAffine,
  quantizeInt8Rows,
} from '../../native-kernels/index.ts';
import type { KernelOptions, Source } from '../../native-kernels/index.ts';
import { bytesOf, gaussianFrom, sourceOf, uniformFrom } from './quantizers-data.ts';

const { reason } = await probeGpus();
const seed = Number(process.env['NIBBLE_TEST_SEED'] ?? Date.now() % 2 ** 31);
const types = ['bf16', 'f16', 'f32'] as const;

/** More than a piece of the pipeline, and no multiple of anything. */
const shape = { rows: 1031, columns: 4160 };
const numel = shape.rows * shape.columns;

function randomSource(type: (typeof types)[number]): Source {
  const gaussian = gaussianFrom(uniformFrom(seed));
  return sourceOf(
    Float32Array.from({ length: numel }, () => 0.02 * gaussian()),
    type,
  );
}

type Made = Record<string, unknown> & { statistics: object };

/** Runs on both: arrays are equal to the bit, statistics to five digits, and the device did it. */
async function expectEqual(run: (options: KernelOptions) => Promise<object>): Promise<void> {
  const fallbacks: string[] = [];
  const found = (await run({
    devices: [0],
    onFallback: (why) => void fallbacks.push(why),
  })) as Made;
  const expected = (await run({})) as Made;
  expect(fallbacks).toEqual([]);
  for (const [name, value] of Object.entries(expected.statistics) as [string, number][])
    expect((found.statistics as Record<string, number>)[name], name).toBeCloseTo(
      value,
      5 - Math.ceil(Math.log10(Math.abs(value) || 1)),
    );
  const bits = (of: object): unknown =>
    JSON.parse(
      JSON.stringify({ ...of, statistics: null }, (_, value: unknown) =>
        ArrayBuffer.isView(value) ? bytesOf(value).toString('base64') : value,
      ),
    );
  expect(bits(found)).toEqual(bits(expected));
}

describe.skipIf(reason !== null)(
  `on a CUDA device (${reason === null ? `seed ${seed}` : `skipped: ${reason}`})`,
  () => {
    for (const type of types) {
      for (const table of ['nf4', 'fp4'] as const)
        for (const doubleQuant of [false, true])
          for (const blockSize of [32, 64, 512, 4096])
            it(`${table}${doubleQuant ? '-dq' : ''} of ${type}, block ${blockSize}`, async () => {
              const source = randomSource(type);
              await expectEqual((options) =>
                quantize4bit(source, { type: table, blockSize, doubleQuant }, options),
              );
            });
      it(`llm-int8 of ${type}`, async () => {
        const source = randomSource(type);
        await expectEqual((options) => quantizeInt8Rows(source, shape, options));
      });
      for (const mode of ['absmax', 'zero-point'] as const)
        for (const bits of [8, 4] as const)
          for (const blockSize of [64, 100, shape.columns])
            it(`${mode} in ${bits} bits of ${type}, block ${blockSize}`, async () => {
              const source = randomSource(type);
              const granularity = { kind: 'block' as const, blockSize };
              await expectEqual((options) =>
                quantizeAffine(source, shape, { mode, bits, granularity }, options),
              );
            });
    }

    it('makes the artifacts that the processor makes, from file to file', async () => {
      const child = new URL('../fixtures/fake-driver/quantize-child.ts', import.meta.url);
      const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(child)]);
      expect(JSON.parse(stdout)).toEqual({ unequal: [], reasons: [], announced: [] });
    });

    it('refuses NaN by its index', async () => {
      const weights = new Float32Array(numel).fill(0.1);
      weights[3_000_001] = Number.NaN;
      const source = sourceOf(weights, 'f32');
      const spec = { type: 'nf4', blockSize: 64, doubleQuant: true } as const;
      await expect(quantize4bit(source, spec, { devices: [0] })).rejects.toMatchObject({
        code: 'invalid-weights',
        index: 3_000_001,
      });
    });

    it('stops when it is told to', async () => {
      const signal = AbortSignal.abort();
      const spec = { type: 'nf4', blockSize: 64, doubleQuant: false } as const;
      await expect(
        quantize4bit(randomSource('bf16'), spec, { devices: [0], signal }),
      ).rejects.toMatchObject({ code: 'aborted' });
    });
  },
);
