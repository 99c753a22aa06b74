// Models that also see or hear: their text model is found by its tensors, quantized and run; the rest is kept and left alone.
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import {
  describeArchitecture,
  linearWeightTest,
  readDecoder,
  textNames,
  textTensors,
} from '../../../app/models/index.ts';
import { planQuantization } from '../../../app/quantize/index.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/golden/families/${name}`, import.meta.url));

const tensors = (...names: string[]): { name: string; dtype: 'BF16' }[] =>
  names.map((name) => ({ name, dtype: 'BF16' }));

it.each([
  ['model.language_model.', 'lm_head.weight', 'model.visual.blocks.0.attn.qkv.weight'],
  ['language_model.model.', 'language_model.lm_head.weight', 'vision_tower.ln_pre.weight'],
  ['model.', 'lm_head.weight', 'visual.blocks.0.attn.qkv.weight'],
  ['model.', 'lm_head.weight', 'model.vision_tower.ln_pre.weight'],
  ['model.', 'lm_head.weight', 'mtp.layers.0.mlp.down_proj.weight'],
])('a text model below %s is found by its tensors', (prefix, head, beside) => {
  const stored = [`${prefix}embed_tokens.weight`, `${prefix}layers.1.mlp.up_proj.weight`, head];
  expect(textTensors(tensors(...stored, beside)).map(({ name }) => name)).toEqual([
    'model.embed_tokens.weight',
    'model.layers.1.mlp.up_proj.weight',
    'lm_head.weight',
  ]);
  expect(textNames(tensors(...stored, beside)).plain(beside)).toBeNull();
});

it('reads the text part of a config, and fields of the whole that hold for it', () => {
  const text_config = { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2 };
  const read = (config: object): ReturnType<typeof readDecoder> => readDecoder(config);
  expect(read({ model_type: 'mistral3', text_config })).toMatchObject({
    className: 'Mistral3ForConditionalGeneration',
    hiddenSize: 64,
    // Of the whole, whatever the part says.
    tiedEmbeddings: true,
  });
  expect(
    read({ model_type: 'mistral3', tie_word_embeddings: false, text_config }).tiedEmbeddings,
  ).toBe(false);
  // Qwen 2.5 VL was published with the fields of its text model among those of the whole.
  const flat = read({
    model_type: 'qwen2_5_vl',
    ...text_config,
    vision_config: { hidden_size: 32 },
    rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] },
  });
  expect(flat).toMatchObject({ hiddenSize: 64, tiedEmbeddings: false });
  expect(flat.rotaryEmbeddings[0]?.rope).toEqual({ kind: 'default', theta: 1_000_000 });
  const tied = { ...text_config, tie_word_embeddings: true };
  expect(read({ model_type: 'qwen2_5_vl', text_config: tied }).tiedEmbeddings).toBe(true);
  expect(read({ model_type: 'qwen3_vl', text_config: tied }).tiedEmbeddings).toBe(false);
});

it('leaves out what the class of the whole does not read', () => {
  const text_config = { model_type: 'gemma3_text', final_logit_softcapping: 30 };
  expect(readDecoder(text_config).logitSoftcap).toBe(30);
  expect(readDecoder({ model_type: 'gemma3', text_config }).logitSoftcap).toBeNull();
});

it('names a wrapper whose text model is not known', () => {
  const config = { model_type: 'mistral3', text_config: { model_type: 'unheard_of' } };
  const { runnable, quantizable, obstacle } = describeArchitecture(config);
  expect({ runnable, quantizable }).toEqual({ runnable: false, quantizable: false });
  expect(obstacle?.code).toBe('unsupported-model');
});

it('layers behind the last one, which predict tokens ahead, are not quantized', () => {
  const isLinear = linearWeightTest({ model_type: 'llama', num_hidden_layers: 2 });
  expect(isLinear('model.layers.1.mlp.up_proj.weight')).toBe(true);
  expect(isLinear('model.layers.2.mlp.up_proj.weight')).toBe(false);
});

it.each(['gemma3', 'mistral3', 'qwen2_5_vl', 'qwen3_vl'])(
  'quantizes the text model of %s alone, with names that transformers finds again',
  async (name) => {
    const checkpoint = await openCheckpoint(folderOf(name));
    await checkpoint.close();
    const { config } = checkpoint;
    const names = textNames(checkpoint.tensors);
    const plan = planQuantization({ tensors: checkpoint.tensors, config, scheme: 'nf4' });
    for (const { source, treatment, outputs } of plan.tensors) {
      const isText = /layers\.\d+\.(?:self_attn|mlp)\.\w+_proj\.weight$/.test(
        names.plain(source.name) ?? '',
      );
      expect([source.name, treatment]).toEqual([source.name, isText ? 'quantized' : 'kept']);
      expect(outputs[0]?.name).toBe(source.name);
    }
    const tower = name.startsWith('qwen') ? 'model.visual' : 'model.vision_tower';
    expect(plan.skippedModules).toContain(tower);
    expect(plan.head).not.toBeNull();
  },
);

it('runs the artifact of a wrapper with the 8-bit copy of its output layer', async () => {
  const root = await scratchFolder();
  const source = path.join(root, 'source');
  await cp(folderOf('gemma3'), source, { recursive: true });
  const artifact = path.join(root, 'artifact');
  const made = await quantizeFolder(source, artifact, 'nf4');
  expect(made.outputLayerCopy?.tensor).toBe('language_model.model.embed_tokens.weight');
  const seen: string[] = [];
  const { graphPath } = await ensureGraph(artifact, 'fast', undefined, (given) => {
    seen.push(...given.map(({ name }) => name));
  });
  expect(seen.filter((name) => /vision|projector/.test(name))).toEqual([]);
  expect((await readFile(graphPath)).includes('vision_tower')).toBe(false);
});
