import { describe, expect, it } from 'vitest';
import { capacityOf, placeOf, usualSizes } from '../../../renderer/views/home/capacity.ts';
import { formatWhen } from '../../../renderer/texts/date-time.ts';

const GB = 1e9;

describe('capacityOf', () => {
  it('knows what fits a computer of 16 GB', () => {
    expect(capacityOf(16 * GB)).toEqual([
      { bits: 4, parameters: 17e9 },
      { bits: 8, parameters: 9.8e9 },
      { bits: 16, parameters: 5.3e9 },
    ]);
  });
  it('promises no more than what the model then takes', () => {
    for (const memory of [2, 4, 8, 16, 32, 64, 512].map((size) => size * GB))
      for (const { bits, parameters } of capacityOf(memory))
        expect((parameters * bits) / 8 + 120e6).toBeLessThan(memory * 0.7);
  });
  it('grows with the memory and shrinks with the bits', () => {
    const [four = { parameters: 0 }, eight = { parameters: 0 }] = capacityOf(8 * GB);
    expect(four.parameters).toBeGreaterThan(eight.parameters);
    expect(capacityOf(32 * GB)[0]?.parameters).toBeGreaterThan(four.parameters);
  });
  it('says nothing fits where nothing does', () => {
    expect(capacityOf(100e6).every(({ parameters }) => parameters === 0)).toBe(true);
  });
});

describe('placeOf', () => {
  it('stays on the scale and keeps the order', () => {
    const places = [0, ...usualSizes, 1e13].map(placeOf);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBe(0);
    expect(places.at(-1)).toBe(1);
  });
});

describe('formatWhen', () => {
  const now = Date.parse('2026-08-12T12:00:00Z');
  it.each([
    ['2026-08-12T11:59:40Z', 'now'],
    ['2026-08-12T11:57:00Z', '3 minutes ago'],
    ['2026-08-12T07:00:00Z', '5 hours ago'],
    ['2026-08-11T11:00:00Z', 'yesterday'],
    ['2026-07-01T12:00:00Z', 'Jul 1, 2026'],
    ['2026-08-12T12:01:00Z', 'now'],
    ['nonsense', ''],
  ])('says of %s: %s', (iso, words) => {
    expect(formatWhen(iso, now, 'en')).toBe(words);
  });
  it('speaks German', () => {
    expect(formatWhen('2026-08-12T11:57:00Z', now, 'de')).toBe('vor 3 Minuten');
  });
});
