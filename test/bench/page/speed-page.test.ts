import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { machineFileName } from '../machine.ts';
import { recordFolder } from '../options.ts';
import type { ContenderResult, MachineResult, Program, Trial } from '../results.ts';
import { readResults } from './read-results.ts';
import { renderSpeedPage } from './speed-page.ts';

const docs = path.dirname(recordFolder);
const recorded = existsSync(recordFolder) ? readdirSync(recordFolder) : [];

function trial(decodeRate: number, loadToFirstTokenMs: number): Trial {
  return {
    loadMs: 1,
    loadToFirstTokenMs,
    startToFirstTokenMs: 2 * loadToFirstTokenMs,
    prefillRate: 10 * decodeRate,
    decodeRate,
    residentBytes: 2e9,
    privateBytes: null,
  };
}

function contender(name: string, program: Program, trials: Trial[]): ContenderResult {
  return {
    name,
    bits: 4,
    program,
    fileBytes: 7e8,
    tokenBytes: { codes: 6e8, scales: 5e7, head: 3e8, norms: 1e6, embedding: 4e3 },
    cacheBytes: 48_996_000,
    bitsPerWeight: 4.127,
    relativeError: 0.092,
    logitCorrelation: 0.95,
    trials,
  };
}

const result: MachineResult = {
  machine: {
    processor: 'Some(R) Processor <3> @ 2.50GHz',
    threads: 2,
    memoryBytes: 16e9,
    platform: 'linux x64',
    instructionSet: 'avx2',
  },
  versions: { node: 'v24.0.0' },
  formats: [],
  shapes: [
    {
      key: '1b',
      title: 'Some <model>',
      parameters: 1e9,
      measuredAt: '2026-01-02T03:04:05.000Z',
      bandwidth: [4e10, 5e10, 4e10],
      promptTokens: 512,
      shortPromptTokens: 8,
      decodeTokens: 64,
      contenders: [
        contender('Ours', 'nibble', [trial(10, 50), trial(30, 40), trial(20, 60)]),
        contender('Theirs', 'llama.cpp', [trial(16, 400), trial(10, 600), trial(8, 500)]),
      ],
    },
  ],
  quantize: [],
  quantizeSpeed: [
    {
      key: '1b',
      title: 'Some <model>',
      measuredAt: '2026-01-02T03:04:05.000Z',
      scheme: 'nf4-dq',
      parameters: 1e9,
      quantizedParameters: 9e8,
      sourceBytes: 2e9,
      artifactBytes: 7e8,
      unwrittenMs: [300, 450, 600],
      targets: [
        {
          target: 'memory',
          jobMs: [800, 1000, 2000],
          coreMs: [1500, 1900, 2100],
          commandMs: [1600, 2000, 4000],
          copyMs: [1000, 500, 1000],
        },
      ],
    },
  ],
  growth: [
    {
      key: '1b',
      title: 'Some <model>',
      measuredAt: '2026-01-02T03:04:05.000Z',
      decodeTokens: 32,
      contenders: [
        {
          name: 'Ours',
          program: 'nibble',
          points: [
            { length: 128, msPerToken: [8, 10, 9], prefillMsPerToken: [] },
            { length: 8192, msPerToken: [12, 10, 30], prefillMsPerToken: [] },
          ],
        },
      ],
    },
  ],
};

describe('docs/speed.md', () => {
  it('is what the renderer makes of the committed results, and so are its pictures', () => {
    const page = renderSpeedPage(readResults(recordFolder));
    for (const [file, text] of page)
      expect(
        readFileSync(path.join(docs, file), 'utf8') === text,
        `npm run bench:page (${file})`,
      ).toBe(true);
    const pictures = recorded.filter((name) => name.endsWith('.svg'));
    expect(pictures.filter((name) => !page.has(`benchmarks/${name}`))).toEqual([]);
  });

  it('keeps every result in the file that its machine names', () => {
    const names = recorded.filter((name) => name.endsWith('.json'));
    expect(names.sort()).toEqual(
      readResults(recordFolder)
        .map(({ machine }) => `${machineFileName(machine)}.json`)
        .sort(),
    );
  });
});

describe('the page', () => {
  const page = renderSpeedPage([result]);
  const text = page.get('speed.md') ?? '';

  it('says medians, ratios of medians and the least and most of the rounds', () => {
    // 20 over 10; of the rounds 10/16, 30/10 and 20/8.
    expect(text).toContain('| **2.00** (0.63–3.00) |');
    // Times are turned round: 500 over 50; 400/50, 600/40 and 500/60.
    expect(text).toContain('| **10.00** (8.00–15.00) |');
    expect(text).toContain('| Ours | 20.0 (10.0–30.0) |');
  });

  it('says what share of the bandwidth decoding reaches', () => {
    // 1 GB per token, 20 tokens per second, 40 GB/s.
    expect(text).toMatch(/\| Ours \|.* 1\.00.GB \| 50\.0.% \|/);
  });

  it('says how much speed a long context leaves', () => {
    expect(text).toMatch(/\| Ours \| 9\.0 \(8\.0–10\.0\) \| 12\.0 \(10\.0–30\.0\) \| 75\.0.% \|/);
  });

  it('draws pictures that are well-formed and carry the numbers', () => {
    const decode = [...page].find(([file]) => file.endsWith('-decode-1b.svg'))?.[1] ?? '';
    expect(decode.startsWith('<svg ')).toBe(true);
    expect(decode).toContain('>20.0<');
    expect(decode).toContain('Some &lt;model&gt;');
    expect(decode).not.toContain('<model>');
    expect(decode.match(/<g\b[^>/]*>/g)?.length).toBe(decode.match(/<\/g>/g)?.length);
  });

  it('names pictures that it has', () => {
    const named = [...text.matchAll(/\]\((benchmarks\/[^)]+\.svg)\)/g)].map(([, file]) => file);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((file) => !page.has(file ?? ''))).toEqual([]);
    expect(named.length).toBe(page.size - 1);
  });

  it('is the same each time', () => {
    expect([...renderSpeedPage([result])]).toEqual([...page]);
  });
});
