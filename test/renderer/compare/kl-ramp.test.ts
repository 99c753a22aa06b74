import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { divergenceWord } from '../../../app/contract/quality.ts';
import { klLegend, klLimits, klStep } from '../../../renderer/views/compare/logic/kl-ramp.ts';

describe('the colour ramp', () => {
  it('has a step for every divergence', () => {
    expect(klStep(0)).toBe(0);
    expect(klStep(0.00099)).toBe(0);
    expect(klStep(0.001)).toBe(1);
    expect(klStep(0.03)).toBe(3);
    expect(klStep(0.5)).toBe(5);
    expect(klStep(1e9)).toBe(klLimits.length);
  });

  it('never has two words on one step', () => {
    for (let exponent = -6; exponent < 2; exponent += 0.01) {
      const kl = 10 ** exponent;
      const entry = klLegend().find(({ steps }) => steps.includes(klStep(kl)));
      expect(entry?.word).toBe(divergenceWord(kl));
    }
  });

  it('shows every step in the legend once', () => {
    expect(klLegend().flatMap(({ steps }) => steps)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

/** WCAG 2.2, relative luminance of `#rrggbb`. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

describe('text on the colour ramp', () => {
  const css = readFileSync(
    new URL('../../../renderer/views/compare/scoring/ramp.css', import.meta.url),
    'utf8',
  );
  const pair = (name: string): readonly [string, string] => {
    const found = new RegExp(`${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css);
    if (found?.[1] === undefined || found[2] === undefined)
      throw new Error(`ramp.css has no pair of colours ${name}`);
    return [found[1], found[2]];
  };

  it.each([1, 2, 3, 4, 5, 6])('can be read on step %i, in light and dark', (step) => {
    const ground = pair(`--compare-ramp-${step}`);
    const text = pair(`--compare-on-ramp-${step}`);
    expect(contrast(ground[0], text[0])).toBeGreaterThanOrEqual(4.5);
    expect(contrast(ground[1], text[1])).toBeGreaterThanOrEqual(4.5);
  });

  it('goes away from the page in one direction, in light and dark', () => {
    const steps = [1, 2, 3, 4, 5, 6].map((step) => pair(`--compare-ramp-${step}`));
    for (const theme of [0, 1] as const) {
      const light = steps.map((colours) => luminance(colours[theme]));
      const sorted = [...light].sort((a, b) => (theme === 0 ? b - a : a - b));
      expect(light).toEqual(sorted);
    }
  });
});
