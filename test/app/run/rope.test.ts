import { describe, expect, it } from 'vitest';
import type { RopeConfig } from '../../../app/models/index.ts';
import { rotaryTable } from '../../../app/run/graph/rope.ts';

function frequencies(rope: RopeConfig, dimensions = 64): number[] {
  return [...rotaryTable(rope, dimensions).inverseFrequencies];
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs((found[i] ?? 0) / value - 1)).toBeLessThan(1e-6);
}

const plain = (theta: number, dimensions = 64): number[] =>
  Array.from({ length: dimensions / 2 }, (_, i) =>
    Math.exp((-Math.log(theta) * 2 * i) / dimensions),
  );

describe('rotary frequencies', () => {
  it('fall geometrically from one', () => {
    const found = frequencies({ kind: 'default', theta: 10_000 });
    expect(found[0]).toBe(1);
    expectClose(found, plain(10_000));
  });

  it('are float32 numbers computed in the order of transformers', () => {
    // 1 / 10000^(2/24): the exponent is rounded first, which costs the last bit.
    const exponent = Math.fround(2 / 24);
    const found = frequencies({ kind: 'default', theta: 10_000 }, 24);
    expect(found[1]).toBe(Math.fround(1 / Math.fround(10_000 ** exponent)));
  });

  it('are divided by the factor when linear', () => {
    expectClose(
      frequencies({ kind: 'linear', theta: 10_000, factor: 4 }),
      plain(10_000).map((frequency) => frequency / 4),
    );
  });

  it('stay as they are for dynamic scaling within the original context', () => {
    const rope = {
      kind: 'dynamic',
      theta: 10_000,
      factor: 8,
      originalContextLength: 2048,
    } as const;
    expectClose(frequencies(rope), plain(10_000));
  });

  it('keep short wavelengths and stretch long ones for llama 3', () => {
    const rope = {
      kind: 'llama3',
      theta: 500_000,
      factor: 32,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalContextLength: 8192,
    } as const;
    const expected = plain(500_000).map((frequency) => {
      const wavelength = (2 * Math.PI) / frequency;
      if (wavelength < 8192 / 4) return frequency;
      if (wavelength > 8192) return frequency / 32;
      const smooth = (8192 / wavelength - 1) / 3;
      return frequency * ((1 - smooth) / 32 + smooth);
    });
    const found = frequencies(rope);
    expectClose(found, expected);
    expect(new Set(found.map((value, i) => value / (plain(500_000)[i] ?? 0) > 0.9999))).toEqual(
      new Set([true, false]),
    );
  });

  const yarn = {
    kind: 'yarn',
    theta: 1_000_000,
    factor: 4,
    originalContextLength: 32_768,
    attentionFactor: null,
    betaFast: 32,
    betaSlow: 1,
    mscale: null,
    mscaleAllDimensions: null,
    truncate: true,
  } as const;

  it('pass from kept to stretched along a ramp for yarn', () => {
    const dimensions = 128;
    const turnsAt = (turns: number): number =>
      (dimensions * Math.log(32_768 / (turns * 2 * Math.PI))) / (2 * Math.log(1_000_000));
    const low = Math.floor(turnsAt(32));
    const high = Math.ceil(turnsAt(1));
    const expected = plain(1_000_000, dimensions).map((frequency, i) => {
      const kept = 1 - Math.min(1, Math.max(0, (i - low) / (high - low)));
      return frequency * kept + (frequency / 4) * (1 - kept);
    });
    expectClose(frequencies(yarn, dimensions), expected);
  });

  it('come with yarn’s factor on the attention, however it is given', () => {
    const scaling = (rope: RopeConfig): number => rotaryTable(rope, 128).attentionScaling;
    expect(scaling({ kind: 'default', theta: 10_000 })).toBe(1);
    expect(scaling(yarn)).toBeCloseTo(0.1 * Math.log(4) + 1, 12);
    expect(scaling({ ...yarn, attentionFactor: 1.25 })).toBe(1.25);
    expect(scaling({ ...yarn, mscale: 1, mscaleAllDimensions: 0.5 })).toBeCloseTo(
      (0.1 * Math.log(4) + 1) / (0.05 * Math.log(4) + 1),
      12,
    );
    expect(scaling({ ...yarn, factor: 0.5 })).toBe(1);
  });

  it('say what becomes of them in long texts', () => {
    const dynamic = {
      kind: 'dynamic',
      theta: 10_000,
      factor: 8,
      originalContextLength: 64,
    } as const;
    expect(rotaryTable(dynamic, 64).beyond).toEqual({
      kind: 'growing',
      length: 64,
      theta: 10_000,
      factor: 8,
    });
    expect(rotaryTable(yarn, 64).beyond).toBeNull();
  });

  it('are refused when they underflow to nothing', () => {
    expect(() => frequencies({ kind: 'linear', theta: 1e30, factor: 1e30 })).toThrow(
      expect.objectContaining({ code: 'malformed-file' }) as Error,
    );
  });
});
