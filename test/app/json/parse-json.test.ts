import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseJson, parseJsonHere } from '../../../app/json/index.ts';
import type { ParseJsonOptions } from '../../../app/json/index.ts';

const options: ParseJsonOptions = { name: 'x.json', maxBytes: 64 * 1024 * 1024 };

/** Longer than what is parsed on the caller's thread. */
const LONG = JSON.stringify(Array.from({ length: 200_000 }, (_, i) => [i]));

/** How many threads are started while `work` goes on. */
async function threadsDuring(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const onWorker = (): void => {
    count++;
  };
  process.on('worker', onWorker);
  try {
    await work();
  } finally {
    process.off('worker', onWorker);
  }
  return count;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('parseJson', () => {
  it('parses a small text at once and a large one on a thread', async () => {
    expect(
      await threadsDuring(async () => {
        expect(await parseJson('{"a":[1,"x",null,true]}', options)).toEqual({
          a: [1, 'x', null, true],
        });
      }),
    ).toBe(0);
    expect(
      await threadsDuring(async () => {
        expect(await parseJson(LONG, options)).toEqual(JSON.parse(LONG));
      }),
    ).toBe(1);
  });

  it("leaves the caller's bytes alone, those of a Buffer too", async () => {
    const bytes = Buffer.from(LONG);
    expect(await parseJson(bytes, options)).toEqual(JSON.parse(LONG));
    expect(bytes.byteLength).toBe(LONG.length);
    expect(bytes.toString('latin1')).toBe(LONG);
  });

  it('says the same of a bad text on either thread', async () => {
    const short = '{"a":1,"a":2}';
    const long = `${' '.repeat(2 ** 20)}${short}`;
    for (const text of [short, long])
      await expect(
        parseJson(text, { ...options, duplicateKeys: 'refuse', remedy: 'Ask.' }),
      ).rejects.toMatchObject({
        code: 'malformed-file',
        reason: 'json-duplicate-key',
        facts: { file: 'x.json', key: 'a' },
        remedy: 'Ask.',
      });
    for (const text of ['{"a":', `${' '.repeat(2 ** 20)}{"a":`])
      await expect(parseJson(text, options)).rejects.toMatchObject({ reason: 'not-json' });
  });

  it('refuses by size before it looks at the text', async () => {
    await expect(parseJson('[1,2,3]', { ...options, maxBytes: 6 })).rejects.toMatchObject({
      reason: 'json-too-large',
      facts: { file: 'x.json', bytes: 7, limit: 6 },
    });
    // Three bytes a character.
    await expect(parseJson('"€€"', { ...options, maxBytes: 6 })).rejects.toMatchObject({
      reason: 'json-too-large',
    });
  });

  it.each([
    ['a million brackets', '['.repeat(1_000_000)],
    ['a million objects in each other', '{"a":'.repeat(1_000_000)],
    ['five million empty lists', `[${'[],'.repeat(5_000_000)}0]`],
    ['five million keys', `{${'"":0,'.repeat(5_000_000)}"":0}`],
    [
      'keys that share a hash',
      JSON.stringify(
        Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [String(4e9 + i * 4096), 0])),
      ),
    ],
  ])('refuses %s without building it', async (_, text) => {
    const parse = vi.spyOn(JSON, 'parse');
    // Here, where a thread of its own would hide what it does.
    const work = (): unknown => parseJsonHere(text, options);
    expect(work).toThrow(expect.objectContaining({ reason: 'json-too-complex' }) as Error);
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
    await expect(parseJson(text, options)).rejects.toMatchObject({ reason: 'json-too-complex' });
  });

  it('does not count what stands inside of strings', () => {
    const text = JSON.stringify({ text: '[{"\\"'.repeat(100_000) });
    expect(parseJsonHere(text, { ...options, maxValues: 3, maxDepth: 1 })).toEqual(
      JSON.parse(text),
    );
  });

  it('gives up on a text that takes too long, and on one that nobody waits for any more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const late = parseJson(LONG, options);
    const outcome = expect(late).rejects.toMatchObject({ reason: 'json-too-complex' });
    await Promise.resolve();
    await Promise.resolve();
    // The thread has not even begun: nothing of it is heard before this function lets go.
    vi.advanceTimersByTime(60_000);
    await outcome;
    const abort = new AbortController();
    const cancelled = parseJson(LONG, { ...options, signal: abort.signal });
    abort.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'aborted' });
    vi.useRealTimers();
    expect(await parseJson(LONG, options)).toHaveLength(200_000);
  });

  it('reads the constants of Python where it is asked to, and only outside of strings', () => {
    const text = '{"a":NaN,"b":[Infinity,-Infinity,-1.5e3],"NaN":"Infinity"}';
    expect(parseJsonHere(text, { ...options, python: true })).toEqual({
      a: Number.NaN,
      b: [Infinity, -Infinity, -1500],
      NaN: 'Infinity',
    });
    expect(() => parseJsonHere(text, options)).toThrow('not JSON');
    for (const bad of ['[nan]', '[+Infinity]', '[NaNa]', '[--Infinity]'])
      expect(() => parseJsonHere(bad, { ...options, python: true })).toThrow('not JSON');
  });

  it('reads integers and characters as serde_json does where it is asked to', () => {
    const strict = { ...options, strict: true };
    expect(parseJsonHere('[1,1.0,1e0,-0,"1.0",12]', strict)).toEqual([
      1,
      null,
      null,
      null,
      '1.0',
      12,
    ]);
    for (const half of ['"\\ud800"', '{"\\uDC00x":1}', '[["\\udbffz"]]'])
      expect(() => parseJsonHere(half, strict)).toThrow('not JSON');
    expect(parseJsonHere('"\\ud83d\\ude00"', strict)).toBe('\u{1f600}');
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Uint8Array.of(0x22, 0xff, 0x22);
    expect(() => parseJsonHere(bytes, options)).toThrow('not JSON');
  });
});
