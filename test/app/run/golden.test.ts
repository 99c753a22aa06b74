import { readdirSync, readFileSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import {
  describeArchitecture,
  knownModels,
  readDecoder,
  stateElements,
  separateTensors,
  wrappers,
} from '../../../app/models/index.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import {
  dequantize4bit,
  dequantizeAffine,
  dequantizeInt8Rows,
  Model,
} from '../../../native-kernels/index.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import {
  floatsOf,
  numbersOf,
  readSafetensors,
  type ReadTensor,
} from '../../fixtures/read-safetensors.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { encodeSafetensors, type FixtureTensor } from '../../fixtures/tiny-checkpoint.ts';

const golden = fileURLToPath(new URL('../../fixtures/golden/', import.meta.url));
const foldersIn = (folder: string): string[] =>
  readdirSync(path.join(golden, folder)).filter((name) => !name.endsWith('.md'));
/** Every family that runs has one; each folder says what transformers computed of it in float32. */
const families = foldersIn('families');
/** What a family's config.json may say beside that. */
const variants = foldersIn('family-variants');

const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 };

/** Tokens of the golden continuation that were the prompt. */
const PROMPT_TOKENS = 16;

async function copyOf(architecture: string): Promise<string> {
  const directory = path.join(await scratchFolder(), architecture);
  const folder = families.includes(architecture) ? 'families' : 'family-variants';
  await cp(path.join(golden, folder, architecture), directory, { recursive: true });
  return directory;
}

async function openExact(graphPath: string): Promise<Model> {
  return Model.open({ graphPath, contextLength: 512, mode: 'exact', cacheType: 'f32' });
}

/** The largest difference as a share of the largest logit. */
function distance(found: Float32Array, expected: readonly number[] | Float32Array): number {
  expect(found).toHaveLength(expected.length);
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < found.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i] ?? 0));
    difference = Math.max(difference, Math.abs((found[i] ?? 0) - (expected[i] ?? 0)));
  }
  return difference / largest;
}

it('has a golden model of every family that runs', () => {
  const types = [...knownModels().map(({ modelType }) => modelType), ...Object.keys(wrappers)];
  const running = types.filter(
    (modelType) => describeArchitecture({ model_type: modelType }).runnable,
  );
  expect(running.sort()).toEqual([...families].sort());
});

/** How far from transformers' logits a model may be, as a share of the largest. */
const LOGIT_BOUND = 1e-5;
/** transformers' own logits of this prompt at once and of the same token by token are 1.4e-5 apart. */
const widerBounds = new Map([['nemotron_h', 1e-4]]);

describe.each([...families, ...variants])('a golden %s', (architecture) => {
  it('gives the logits and the text of transformers', async () => {
    const directory = await copyOf(architecture);
    const expected = readSafetensors(path.join(directory, 'expected.safetensors'));
    const ids = numbersOf(expected.get('input_ids'));
    const { graphPath } = await ensureGraph(directory, 'exact');
    const model = await openExact(graphPath);
    try {
      const logits = await model.evaluate(ids, { rows: 'all' });
      const bound = widerBounds.get(architecture) ?? LOGIT_BOUND;
      expect(distance(logits, numbersOf(expected.get('logits')))).toBeLessThan(bound);

      model.truncate(0);
      const text = numbersOf(expected.get('greedy'));
      const answer = await model.generate({
        ids: text.slice(0, PROMPT_TOKENS),
        sampling: greedy,
        maxTokens: text.length - PROMPT_TOKENS,
        stopIds: [],
        onToken: () => undefined,
      });
      expect(answer.ids).toEqual(text.slice(PROMPT_TOKENS));
    } finally {
      await model.close();
    }
  });

  it('gives the same rows alone, last and all together', async () => {
    const { graphPath } = await ensureGraph(await copyOf(architecture), 'exact');
    const model = await openExact(graphPath);
    try {
      const ids = Array.from({ length: 40 }, (_, i) => (i * 37) % 160);
      const all = await model.evaluate(ids, { rows: 'all' });
      model.truncate(0);
      const last = await model.evaluate(ids, { rows: 'last' });
      expect(distance(last, all.subarray(-model.vocabularySize))).toBeLessThan(1e-6);
      model.truncate(0);
      expect(await model.evaluate(ids.slice(0, 39), { rows: 'none' })).toHaveLength(0);
      const step = await model.evaluate(ids.slice(39), { rows: 'last' });
      expect(distance(step, last)).toBeLessThan(1e-5);
    } finally {
      await model.close();
    }
  });
});

it.each([
  ['adds the bias of an output layer', 'phi'],
  ['finds an output layer by the name of its class', 'gpt_neox'],
])('%s in products with its 8-bit copy', async (_, architecture) => {
  const original = await copyOf(architecture);
  const artifact = path.join(await scratchFolder(), 'artifact');
  await quantizeFolder(original, artifact, 'nf4');
  const ids = numbersOf(
    readSafetensors(path.join(original, 'expected.safetensors')).get('input_ids'),
  );
  const logitsOf = async (mode: 'fast' | 'exact'): Promise<Float32Array> => {
    const { graphPath } = await ensureGraph(artifact, mode);
    const model = await Model.open({ graphPath, contextLength: 512, mode, cacheType: 'f32' });
    try {
      return await model.evaluate(ids, { rows: 'all' });
    } finally {
      await model.close();
    }
  };
  // What activations and output layer in 8 bits change; the bias is larger than that.
  expect(distance(await logitsOf('fast'), await logitsOf('exact'))).toBeLessThan(0.05);
});

/** Runs them in pieces of so many tokens, and gives the rows of all. */
async function inPieces(model: Model, ids: readonly number[], size: number): Promise<Float32Array> {
  const rows: number[] = [];
  for (let at = 0; at < ids.length; at += size)
    rows.push(...(await model.evaluate(ids.slice(at, at + size), { rows: 'all' })));
  return Float32Array.from(rows);
}

/** Families whose layers all look at earlier tokens through attention: what was read can be cut back anywhere. */
const attentive = families.filter((name) => {
  const config: unknown = JSON.parse(
    readFileSync(path.join(golden, 'families', name, 'config.json'), 'utf8'),
  );
  return stateElements(readDecoder(config)) === 0;
});

it.each(attentive)(
  '%s reads a prompt token by token, goes back, and reuses a prefix',
  async (name) => {
    const { graphPath } = await ensureGraph(await copyOf(name), 'exact');
    const model = await openExact(graphPath);
    try {
      const ids = Array.from({ length: 24 }, (_, i) => (i * 37 + 3) % 160);
      const whole = await model.evaluate(ids, { rows: 'all' });
      model.truncate(0);
      expect(distance(await inPieces(model, ids, 1), whole)).toBeLessThan(1e-5);

      // Another continuation of the first tokens is forgotten to the bit.
      model.truncate(10);
      await model.evaluate([7, 8, 9, 10, 11], { rows: 'none' });
      model.truncate(10);
      const again = await model.evaluate(ids.slice(10), { rows: 'all' });
      model.truncate(0);
      await inPieces(model, ids.slice(0, 10), 1);
      expect(await model.evaluate(ids.slice(10), { rows: 'all' })).toEqual(again);
      expect(distance(again, whole.subarray(10 * model.vocabularySize))).toBeLessThan(1e-5);
    } finally {
      await model.close();
    }
  },
);

/** The float32 weights that a quantized matrix of an artifact stands for. */
async function dequantize(
  name: string,
  shape: readonly [number, number],
  tensors: ReadonlyMap<string, ReadTensor>,
): Promise<Float32Array> {
  const [rows, columns] = shape;
  const of = (suffix: string): ReadTensor | undefined => tensors.get(`${name}${suffix}`);
  const floats = (suffix: string): Float32Array =>
    floatsOf(of(suffix) ?? { dtype: 'F32', shape: [], bytes: new Uint8Array() });
  const codes = of('')?.bytes ?? new Uint8Array();
  const state = of('.quant_state.bitsandbytes__nf4') ?? of('.quant_state.bitsandbytes__fp4');
  if (state !== undefined) {
    const json = JSON.parse(Buffer.from(state.bytes).toString()) as {
      quant_type: 'nf4' | 'fp4';
      blocksize: number;
      nested_offset?: number;
    };
    const spec = { type: json.quant_type, blockSize: json.blocksize, numel: rows * columns };
    const absmax = of('.absmax')?.bytes ?? new Uint8Array();
    return json.nested_offset === undefined
      ? dequantize4bit({ codes, absmax: floats('.absmax'), nested: null }, spec)
      : dequantize4bit(
          {
            codes,
            absmax,
            nested: { absmax: floats('.nested_absmax'), offset: json.nested_offset },
          },
          spec,
        );
  }
  const signed = new Int8Array(codes.buffer);
  const scb = tensors.get(name.replace(/weight$/, 'SCB'));
  if (scb !== undefined)
    return dequantizeInt8Rows({ codes: signed, rowAbsmax: floatsOf(scb) }, { rows, columns });
  const scales = floats('.scales');
  const zeroPoints = of('.zero_points');
  const bits = of('')?.dtype === 'I8' ? 8 : 4;
  return dequantizeAffine(
    {
      codes: bits === 8 ? signed : codes,
      scales,
      zeroPoints: zeroPoints === undefined ? null : new Int8Array(zeroPoints.bytes.buffer),
    },
    { rows, columns },
    { bits, granularity: { kind: 'block', blockSize: (rows * columns) / scales.length } },
  );
}

/** Writes a float32 checkpoint with the weights that an artifact stands for. */
async function writeDequantized(original: string, artifact: string, target: string): Promise<void> {
  await cp(original, target, { recursive: true });
  const made = readSafetensors(path.join(artifact, 'model.safetensors'));
  const tensors: FixtureTensor[] = [];
  const stored = readSafetensors(path.join(original, 'model.safetensors'));
  const checkpoint = await openCheckpoint(original);
  await checkpoint.close();
  for (const { name, dtype, shape, transposed } of separateTensors(
    checkpoint.config,
    checkpoint.tensors,
  )) {
    // An expert's matrix that lies in one tensor with others is in the artifact by itself.
    const tensor = stored.get(name) ??
      made.get(name) ?? { dtype, shape: [...shape], bytes: new Uint8Array() };
    const [rows = 0, columns = 0] = shape;
    const isKept = made.get(name)?.dtype === dtype;
    const weights = isKept ? floatsOf(tensor) : await dequantize(name, [rows, columns], made);
    if (stored.has(name) && transposed !== undefined && !isKept) {
      // The family stores by columns what an artifact holds by rows.
      const turned = Float32Array.from(
        weights,
        (_, at) => weights[(at % rows) * columns + Math.floor(at / rows)] ?? 0,
      );
      const bytes = new Uint8Array(turned.buffer);
      tensors.push({ name, dtype: 'F32', shape: [columns, rows], bytes });
      continue;
    }
    const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
    tensors.push({ name, dtype: 'F32', shape: [...shape], bytes });
  }
  await writeFile(path.join(target, 'model.safetensors'), encodeSafetensors(tensors));
}

describe.each<[string, SchemeName]>([
  ['llama', 'nf4'],
  ['qwen3', 'nf4-dq'],
  ['qwen2', 'fp4-dq'],
  ['mistral', 'llm-int8'],
  ['llama', 'int8-zeropoint'],
  ['qwen2', 'int8-absmax'],
  ['mistral', 'int4'],
  ['gemma2', 'llm-int8'],
  ['gemma3_text', 'nf4'],
  ['gemma3_text', 'nf4-dq'],
  ['gemma4_text-small', 'nf4'],
  ['gemma4_text-large', 'int4'],
  ['gemma4_unified_text', 'nf4'],
  ['gemma4_text-moe', 'nf4'],
  ['gemma3n_text', 'nf4'],
  ['gemma3n', 'int4'],
  ['llama4_text', 'nf4'],
  ['llama4', 'int4'],
  ['gpt_oss', 'nf4'],
  ['gpt_oss', 'int4'],
  ['deepseek_v2', 'nf4'],
  ['deepseek_v3', 'int4'],
  ['qwen3_moe', 'nf4'],
  ['qwen3_moe', 'nf4-dq'],
  ['qwen3_moe', 'int8-absmax'],
  ['qwen2_moe', 'llm-int8'],
  ['mixtral', 'int4'],
  ['granitemoe', 'nf4-dq'],
  ['glm4_moe', 'nf4'],
  ['glm4_moe_lite', 'nf4'],
  ['ernie4_5_moe', 'int4'],
  ['qwen3_vl_moe-columns', 'nf4'],
  ['phi3', 'nf4-dq'],
  ['qwen3_5_text', 'nf4'],
  ['lfm2', 'llm-int8'],
  ['nemotron_h', 'int4'],
  ['phi3', 'llm-int8'],
  ['cohere', 'nf4'],
  ['glm4', 'int4'],
  ['starcoder2', 'nf4-dq'],
  ['phi', 'int4'],
  ['apertus', 'nf4'],
  ['gpt_neox', 'nf4'],
  ['bitnet', 'int4'],
  ['gpt2', 'nf4'],
  ['gpt2', 'int8-absmax'],
])('%s quantized with %s', (architecture, scheme) => {
  it('runs as the float32 model of the weights that its codes stand for', async () => {
    const original = await copyOf(architecture);
    const folder = await scratchFolder();
    const artifact = path.join(folder, 'artifact');
    const plain = path.join(folder, 'plain');
    await quantizeFolder(original, artifact, scheme);
    await writeDequantized(original, artifact, plain);
    const expected = readSafetensors(path.join(original, 'expected.safetensors'));
    const ids = numbersOf(expected.get('input_ids'));
    const logitsOf = async (directory: string): Promise<Float32Array> => {
      const model = await openExact((await ensureGraph(directory, 'exact')).graphPath);
      try {
        return await model.evaluate(ids, { rows: 'all' });
      } finally {
        await model.close();
      }
    };
    expect(distance(await logitsOf(artifact), await logitsOf(plain))).toBeLessThan(1e-5);
  });
});
