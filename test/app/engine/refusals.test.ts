import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inspection } from '../../../app/contract/inspection.ts';
import { startFaultyHub } from '../../fixtures/hub/faulty-hub.ts';
import { contentOf, RequestLog } from '../../fixtures/hub/hub-faults.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { quiet, TestEngine } from '../../fixtures/test-engine.ts';
import {
  writeTinyCheckpoint,
  type FixtureTensor,
  type TinyCheckpointOptions,
} from '../../fixtures/tiny-checkpoint.ts';

let home: string;
let engine: TestEngine;

beforeAll(async () => {
  home = await scratchFolder();
  engine = await TestEngine.open(home);
});
afterAll(async () => {
  await engine.close();
});

const inspect = (source: string): Promise<Inspection> =>
  engine.handlers.inspect({ source, contextLength: 512 }, quiet) as Promise<Inspection>;

async function tiny(options: TinyCheckpointOptions): Promise<string> {
  const directory = path.join(await scratchFolder(), 'tiny');
  await writeTinyCheckpoint(directory, options);
  return directory;
}

const without =
  (name: string) =>
  (tensors: FixtureTensor[]): FixtureTensor[] =>
    tensors.filter((tensor) => tensor.name !== name);

/** One tensor in another type, with as many bytes as that needs. */
const stored =
  (name: string, dtype: string, factor: number) =>
  (tensors: FixtureTensor[]): FixtureTensor[] =>
    tensors.map((tensor) =>
      tensor.name === name
        ? { ...tensor, dtype, bytes: new Uint8Array(tensor.bytes.byteLength * factor) }
        : tensor,
    );

const up = 'model.layers.1.mlp.up_proj.weight';
const refusals: [string, TinyCheckpointOptions, string, object][] = [
  [
    'without the last norm',
    { change: without('model.norm.weight') },
    'missing-tensor',
    { tensor: 'model.norm.weight' },
  ],
  [
    'without a head',
    { config: { tie_word_embeddings: false } },
    'missing-tensor',
    { tensor: 'lm_head.weight' },
  ],
  ['without a matrix of its last layer', { change: without(up) }, 'missing-tensor', { tensor: up }],
  [
    'with weights in F64',
    { change: stored(up, 'F64', 4) },
    'tensor-type',
    { tensor: up, type: 'F64' },
  ],
  [
    'with a norm in F64',
    { change: stored('model.norm.weight', 'F64', 4) },
    'tensor-type',
    { tensor: 'model.norm.weight', type: 'F64' },
  ],
  [
    'with weights in F8',
    { change: stored(up, 'F8_E4M3', 0.5) },
    'already-quantized',
    { method: 'fp8' },
  ],
  [
    'with another vocabulary than it says',
    { config: { vocab_size: 161 } },
    'vocabulary-mismatch',
    { tensor: 'model.embed_tokens.weight', rows: 160, vocabulary: 161 },
  ],
  [
    'with another width than it says',
    { config: { intermediate_size: 128 } },
    'tensor-shape',
    { tensor: 'model.layers.0.mlp.gate_proj.weight', found: '[192, 64]', expected: '[128, 64]' },
  ],
  [
    'with a window that shows nothing',
    { modelType: 'mistral', config: { sliding_window: 0 } },
    'bad-config-value',
    { field: 'sliding_window', value: '0' },
  ],
  [
    'with another activation',
    { config: { hidden_act: 'mish' } },
    'unsupported-feature',
    { field: 'hidden_act', value: 'mish' },
  ],
  [
    'with rotary embeddings of another kind',
    { config: { rope_parameters: { rope_type: 'unheard', rope_theta: 1e4 } } },
    'unsupported-feature',
    { field: 'rope_type', value: 'unheard' },
  ],
  [
    'quantized with GPTQ',
    { config: { quantization_config: { quant_method: 'gptq', bits: 4 } } },
    'already-quantized',
    { method: 'gptq' },
  ],
  [
    'saved without its output layer, as the bare model is',
    {
      change: (tensors) =>
        tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace(/^model\./, '') })),
    },
    'tensor-without-prefix',
    { tensor: 'model.embed_tokens.weight', found: 'embed_tokens.weight' },
  ],
  [
    'of a type that is not known under a known class',
    { config: { model_type: 'lama', architectures: ['LlamaForCausalLM'] } },
    'unknown-architecture',
    { architecture: 'lama' },
  ],
  [
    'of a known type under an unknown class',
    { config: { architectures: ['LlamaForSequenceClassification'] } },
    'unknown-architecture-similar',
    { architecture: 'LlamaForSequenceClassification', similar: 'LlamaForCausalLM' },
  ],
  [
    'of a family that is not known',
    { config: { model_type: 'qwen2_vl', architectures: ['Qwen2VLForConditionalGeneration'] } },
    'unknown-architecture-similar',
    { architecture: 'Qwen2VLForConditionalGeneration', similar: 'Qwen2ForCausalLM' },
  ],
];

describe('a model', () => {
  it.each(refusals)(
    '%s is refused before anything is written, and by a look at it',
    async (_, options, reason, facts) => {
      const directory = await tiny(options);
      const seen = await inspect(directory);
      expect(seen).toMatchObject({ runnable: false, schemes: [], obstacle: { reason, facts } });
      const job = await engine.make(directory, ['nf4', 'bf16']);
      const failed = await engine.until(job.id, ({ state }) => state === 'failed');
      expect(failed.error).toMatchObject({ reason, facts });
      expect(await readdir(path.join(home, 'artifacts')).catch(() => [])).toEqual([]);
      const { unfinished } = await engine.handlers.library({}, quiet);
      expect(unfinished).toEqual([]);
    },
  );

  it.each<[string, TinyCheckpointOptions]>([
    ['that stops at -1', { config: { eos_token_id: -1, bos_token_id: -1, pad_token_id: -1 } }],
    ['that calls its activation swish', { config: { hidden_act: 'swish' } }],
    ['with a list of nothing as scaling', { config: { rope_scaling: [] } }],
    [
      'of one known family under the class of another, which its type decides as in transformers',
      { config: { architectures: ['MistralForCausalLM'] } },
    ],
    ['with a window of none in a family that has none', { config: { sliding_window: 0 } }],
    ['with an infinite number in a field that nobody reads', { config: { x: 'INFINITE' } }],
    [
      'with a tensor that nobody needs',
      {
        change: (tensors) => [
          ...tensors,
          { name: 'mtp.fc.weight', dtype: 'F64', shape: [2], bytes: new Uint8Array(16) },
        ],
      },
    ],
  ])('%s is quantized and runs', async (_, options) => {
    const directory = await tiny({ ...options, seed: 7 });
    const file = path.join(directory, 'config.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"INFINITE"', '[Infinity, -Infinity, NaN]'));
    expect(await inspect(directory)).toMatchObject({ runnable: true, obstacle: null });
    const job = await engine.make(directory, ['nf4']);
    const done = await engine.done(job.id);
    expect(done.state).toBe('done');
    await rm(path.join(home, 'artifacts'), { recursive: true });
  });

  it('of shards with further tensors, needless entries and names of all languages runs', async () => {
    const directory = await tiny({ shards: 2 });
    const index = path.join(directory, 'model.safetensors.index.json');
    const renamed = 'mein modell ü 2.safetensors';
    await rename(
      path.join(directory, 'model-00002-of-00002.safetensors'),
      path.join(directory, renamed),
    );
    const read = JSON.parse(await readFile(index, 'utf8')) as {
      weight_map: Record<string, string>;
    };
    const map = Object.fromEntries(
      Object.entries(read.weight_map).map(([name, file]) => [
        name,
        file === 'model-00002-of-00002.safetensors' ? renamed : file,
      ]),
    );
    // The norm is in its shard although the index does not know it; the other is in none.
    delete map['model.norm.weight'];
    map['mtp.fc.weight'] = renamed;
    await writeFile(index, JSON.stringify({ ...read, weight_map: map }));
    expect(await inspect(directory)).toMatchObject({ runnable: true, obstacle: null });
    for (const scheme of ['nf4', 'bf16'] as const) {
      const job = await engine.make(directory, [scheme]);
      expect((await engine.done(job.id)).state).toBe('done');
    }
  });

  it.each([
    // Three mixtures, or two behind a dense layer, of gate, up and down [128, 64] or [64, 64].
    ['granitemoe', [], 3 * (4 - 2) * 3 * 128 * 64],
    ['ernie4_5_moe', [], 2 * (8 - 2) * 3 * 64 * 64],
    ['gemma3', ['text-only'], 0],
  ])('of %s says what a token goes through', async (name, notes, resting) => {
    const folder = new URL(`../../fixtures/golden/families/${name}`, import.meta.url);
    const found = await inspect(fileURLToPath(folder));
    expect(found).toMatchObject({ runnable: true, obstacle: null, notes });
    expect(found.textParameters - found.activeParameters).toBe(resting);
    expect(found.parameters > found.textParameters).toBe(name === 'gemma3');
  });

  it.each([
    // Keys and values of 3 layers with 2 heads of 16, in float16.
    ['llama', 2 * 3 * 2 * 16 * 2, 0],
    // One such layer, and 3 with 4 matrices of 16 by 16 and a convolution over 3 past columns of 128 channels, in float32.
    ['qwen3_5_text', 2 * 1 * 2 * 32 * 2, 3 * (4 * 16 * 16 + 3 * 128) * 4],
    ['mamba2', 0, 3 * (8 * 16 * 16 + 3 * 160) * 4],
  ])('of %s says what a conversation takes', async (name, cacheBytesPerToken, stateBytes) => {
    const folder = new URL(`../../fixtures/golden/families/${name}`, import.meta.url);
    expect(await inspect(fileURLToPath(folder))).toMatchObject({ cacheBytesPerToken, stateBytes });
  });

  it('with an own head beside tied embeddings says so', async () => {
    const directory = await tiny({ tied: false, config: { tie_word_embeddings: true } });
    expect((await inspect(directory)).notes).toEqual(['own-output-layer']);
    expect((await inspect(await tiny({ tied: true }))).notes).toEqual([]);
  });
});

describe('a repository', () => {
  it('that is quantized already is told by a look at its headers', async () => {
    const directory = await tiny({ change: stored(up, 'F8_E4M3', 0.5) });
    const bare = await tiny({
      change: (tensors) =>
        tensors.map((tensor) =>
          tensor.name === up ? { ...tensor, name: up.replace('weight', 'qweight') } : tensor,
        ),
    });
    const hub = await startFaultyHub({
      repositories: { 'test/fp8': { directory }, 'test/gptq': { directory: bare } },
    });
    const near = await TestEngine.open(await scratchFolder(), { hubEndpoint: hub.endpoint });
    try {
      for (const [source, method] of [
        ['test/fp8', 'fp8'],
        ['test/gptq', 'awq or gptq'],
      ] as const)
        expect(await near.handlers.inspect({ source, contextLength: 512 }, quiet)).toMatchObject({
          obstacle: { reason: 'already-quantized', facts: { method } },
        });
    } finally {
      await near.close();
      await hub.close();
    }
  });

  it('that cannot run is refused before it is downloaded to be quantized', async () => {
    const log = new RequestLog();
    const hub = await startFaultyHub({
      repositories: {
        'test/no-norm': { directory: await tiny({ change: without('model.norm.weight') }) },
        'test/fp8': { directory: await tiny({ change: stored(up, 'F8_E4M3', 0.5) }) },
      },
      intercept: log.watch(),
    });
    const near = await TestEngine.open(await scratchFolder(), { hubEndpoint: hub.endpoint });
    try {
      for (const [source, reason] of [
        ['test/no-norm', 'missing-tensor'],
        ['test/fp8', 'already-quantized'],
      ] as const)
        await expect(
          near.handlers.quantize({ source, schemes: ['nf4'], device: 'cpu' }, quiet),
        ).rejects.toMatchObject({ reason });
      // Their headers alone were read.
      expect(log.count(contentOf('.safetensors'))).toBe(2);
      const { unfinished, checkpoints } = await near.handlers.library({}, quiet);
      expect({ unfinished, checkpoints }).toEqual({ unfinished: [], checkpoints: [] });
    } finally {
      await near.close();
      await hub.close();
    }
  });
});

describe('a path', () => {
  it('that names no checkpoint is refused with the reason', async () => {
    const folder = await scratchFolder();
    const gguf = path.join(folder, 'model.Q4_K_M.gguf');
    await writeFile(gguf, 'GGUF');
    await expect(inspect(gguf)).rejects.toMatchObject({
      reason: 'gguf-only',
      facts: { path: gguf },
    });
    await expect(inspect(folder)).rejects.toMatchObject({
      reason: 'gguf-only',
      facts: { path: folder },
    });
    // A config beside it changes nothing.
    await writeFile(path.join(folder, 'config.json'), '{"model_type":"llama"}');
    await expect(inspect(folder)).rejects.toMatchObject({ reason: 'gguf-only' });
    await rm(gguf);
    await expect(inspect(folder)).rejects.toMatchObject({
      reason: 'no-weights',
      facts: { folder },
    });
    const file = path.join(folder, 'config.json');
    await expect(inspect(file)).rejects.toMatchObject({
      reason: 'not-a-folder',
      facts: { path: file },
    });
    await rm(file);
    await expect(inspect(folder)).rejects.toMatchObject({
      reason: 'missing-file',
      facts: { file: 'config.json', folder },
    });
    const mistyped = path.join(folder, 'modle');
    await expect(inspect(mistyped)).rejects.toMatchObject({
      reason: 'nothing-there',
      facts: { name: mistyped },
    });
  });

  it('that are quantized already leave nothing in the catalog', async () => {
    const directory = await tiny({
      config: { quantization_config: { quant_method: 'gptq', bits: 4 } },
    });
    const { checkpoints } = await engine.handlers.list({}, quiet);
    await expect(
      engine.handlers.quantize({ source: directory, schemes: ['nf4'], device: 'cpu' }, quiet),
    ).rejects.toMatchObject({ reason: 'already-quantized' });
    expect((await engine.handlers.list({}, quiet)).checkpoints).toEqual(checkpoints);
  });

  it('to a repository that has nothing to download leaves no folder behind', async () => {
    const directory = await scratchFolder();
    await writeFile(path.join(directory, 'model-Q4_0.gguf'), 'GGUF');
    const hub = await startFaultyHub({ repositories: { 'test/gguf': { directory } } });
    try {
      const ours = await scratchFolder();
      await using other = await TestEngine.open(ours, { hubEndpoint: hub.endpoint });
      await expect(other.handlers.pull({ source: 'test/gguf' }, quiet)).rejects.toThrow();
      expect((await other.handlers.list({}, quiet)).unfinished).toEqual([]);
      expect(await readdir(path.join(ours, 'checkpoints'))).toEqual([]);
    } finally {
      await hub.close();
    }
  });

  it('to files that Git LFS did not download says so', async () => {
    const directory = await tiny({});
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n';
    for (const file of ['model.safetensors', 'config.json']) {
      const copy = path.join(await scratchFolder(), 'copy');
      await mkdir(copy);
      await cp(directory, copy, { recursive: true });
      await writeFile(path.join(copy, file), pointer);
      await expect(inspect(copy)).rejects.toMatchObject({ reason: 'lfs-pointer', facts: { file } });
    }
  });
});
