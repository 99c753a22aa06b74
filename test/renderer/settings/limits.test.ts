import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../../app/contract/settings.ts';
import { limits, readEndpoint, readNumber } from '../../../renderer/views/settings/limits.ts';

describe('readNumber', () => {
  it.each([
    ['', null],
    ['  ', null],
    ['128', 128],
    [' 8 192 ', 8192],
    ['8.192', 8192],
    ['8,192', 8192],
    ['1000000', 1_000_000],
  ])('reads %j as %j', (text, value) => {
    expect(readNumber(text, limits.contextLength)).toEqual({ ok: true, value });
  });
  it.each(['127', '1000001', '-5', '8.5', '1e4', 'many', '0x10', '9999999999'])(
    'refuses %j',
    (text) => {
      expect(readNumber(text, limits.contextLength)).toEqual({ ok: false });
    },
  );
  it('has the limits of the contract', () => {
    for (const key of ['threads', 'contextLength'] as const) {
      const schema = settingsSchema.shape[key];
      const { min, max } = limits[key];
      expect([min, max].every((value) => schema.safeParse(value).success)).toBe(true);
      expect([min - 1, max + 1].some((value) => schema.safeParse(value).success)).toBe(false);
    }
  });
});

describe('readEndpoint', () => {
  it('takes addresses of the web, and nothing for none', () => {
    expect(readEndpoint(' ')).toEqual({ ok: true, value: null });
    expect(readEndpoint('https://hub.example/')).toEqual({
      ok: true,
      value: 'https://hub.example',
    });
    expect(readEndpoint('http://127.0.0.1:8080')).toMatchObject({ ok: true });
  });
  it.each(['hub.example', 'ftp://hub.example', 'https://', 'javascript:alert(1)'])(
    'refuses %s',
    (text) => {
      expect(readEndpoint(text)).toEqual({ ok: false });
    },
  );
});
