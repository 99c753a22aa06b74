import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { shapeNamed, type Shape } from './shapes.ts';

/** What can be measured of a shape. */
const allParts = ['quantize', 'speed', 'growth'] as const;
type Part = (typeof allParts)[number];

export interface BenchOptions {
  readonly shapes: readonly Shape[];
  readonly parts: ReadonlySet<Part>;
  readonly rounds: number;
  /** Where no figure of the quantizers is wanted, once is enough. */
  readonly quantizeRounds: number;
  readonly threads: number;
  readonly promptTokens: number;
  readonly decodeTokens: number;
  readonly lengths: readonly number[];
  readonly growthShapes: ReadonlySet<string>;
  readonly work: string;
  readonly rivals: string;
  readonly python: string | null;
  readonly withOnnx: boolean;
  readonly record: boolean;
  readonly recordFolder: string;
}

/** Results that are part of the repository. */
export const recordFolder = fileURLToPath(new URL('../../docs/benchmarks', import.meta.url));

function positive(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0)
    throw new Error(`--${name} needs a positive number, not ${text}`);
  return value;
}

/** Reads the command line. @throws Error that says what is wrong with it */
export function readOptions(args: readonly string[] = process.argv.slice(2)): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      /** Comma-separated keys of shapes.ts. */
      shapes: { type: 'string', default: '135m,360m,1b' },
      parts: { type: 'string', default: allParts.join(',') },
      rounds: { type: 'string', default: '5' },
      threads: { type: 'string', default: String(os.availableParallelism()) },
      prompt: { type: 'string', default: '512' },
      decode: { type: 'string', default: '64' },
      /** Contexts of the growth part. */
      contexts: { type: 'string', default: '128,512,2048,4096,8192' },
      'growth-shapes': { type: 'string', default: '1b' },
      /** Where models are made; they stay there for the next run. */
      work: { type: 'string', default: path.join(os.tmpdir(), 'nibble-bench') },
      /** A Python that has bitsandbytes, for the rates of its quantizers. */
      python: { type: 'string', default: process.env['NIBBLE_BENCH_PYTHON'] ?? '' },
      /** Leave ONNX Runtime's own operators out: its files are as large as the others together. */
      'no-onnx': { type: 'boolean', default: false },
      /** Write the results into docs/benchmarks, to be committed. */
      record: { type: 'boolean', default: false },
    },
  });
  const rounds = positive(values.rounds, 'rounds');
  const parts = values.parts.split(',').map((text) => {
    const part = allParts.find((known) => known === text);
    if (part === undefined) throw new Error(`no part ${text}; parts: ${allParts.join(', ')}`);
    return part;
  });
  return {
    shapes: values.shapes.split(',').map(shapeNamed),
    parts: new Set(parts),
    rounds,
    quantizeRounds: parts.includes('quantize') ? rounds : 1,
    threads: positive(values.threads, 'threads'),
    promptTokens: positive(values.prompt, 'prompt'),
    decodeTokens: positive(values.decode, 'decode'),
    lengths: values.contexts
      .split(',')
      .map((text) => positive(text, 'contexts'))
      .sort((a, b) => a - b),
    growthShapes: new Set(values['growth-shapes'].split(',')),
    work: path.resolve(values.work),
    rivals: fileURLToPath(new URL('rivals', import.meta.url)),
    python: values.python === '' ? null : values.python,
    withOnnx: !values['no-onnx'],
    record: values.record,
    recordFolder,
  };
}
