import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  describeArchitecture,
  linearWeightTest,
  readModelConfig,
} from '../../../app/checkpoint/index.ts';

const llama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 192,
  num_attention_heads: 4,
  num_hidden_layers: 3,
  vocab_size: 160,
};

function like(modelType: string, className: string, more: object = {}): Record<string, unknown> {
  return { ...llama, model_type: modelType, architectures: [className], ...more };
}

describe('readModelConfig', () => {
  it('fills in what transformers would', () => {
    expect(readModelConfig(llama)).toEqual({
      modelType: 'llama',
      className: 'LlamaForCausalLM',
      vocabularySize: 160,
      hiddenSize: 64,
      intermediateSize: 192,
      layers: 3,
      heads: 4,
      kvHeads: 4,
      headDimension: 16,
      rotaryDimensions: 16,
      rope: { kind: 'default', theta: 10_000 },
      rmsNormEpsilon: 1e-6,
      hasQkNorm: false,
      biases: { qkv: false, output: false, mlp: false },
      windows: [null, null, null],
      tiedEmbeddings: false,
      contextLength: 2048,
      bosTokenId: null,
      eosTokenIds: [],
      dtype: null,
    });
  });

  it('reads rotary embeddings in the new words and in the old', () => {
    const numbers = {
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    const expected = {
      kind: 'llama3',
      theta: 500_000,
      factor: 32,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalContextLength: 8192,
    };
    const old = { rope_theta: 500_000, rope_scaling: { rope_type: 'llama3', ...numbers } };
    const current = { rope_parameters: { rope_theta: 500_000, rope_type: 'llama3', ...numbers } };
    expect(readModelConfig({ ...llama, ...old }).rope).toEqual(expected);
    expect(readModelConfig({ ...llama, ...current }).rope).toEqual(expected);
  });

  it('reads linear, dynamic and YaRN scaling', () => {
    const rope = (scaling: object): unknown =>
      readModelConfig({ ...llama, max_position_embeddings: 4096, rope_scaling: scaling }).rope;
    expect(rope({ type: 'linear', factor: 4 })).toEqual({ kind: 'linear', theta: 1e4, factor: 4 });
    expect(rope({ type: 'dynamic', factor: 2 })).toEqual({
      kind: 'dynamic',
      theta: 1e4,
      factor: 2,
      originalContextLength: 4096,
    });
    expect(rope({ type: 'yarn', factor: 4, original_max_position_embeddings: 1024 })).toEqual({
      kind: 'yarn',
      theta: 1e4,
      factor: 4,
      originalContextLength: 1024,
      attentionFactor: null,
      betaFast: 32,
      betaSlow: 1,
      mscale: null,
      mscaleAllDimensions: null,
      truncate: true,
    });
  });

  it.each([
    ['of an unknown type', { rope_type: 'longrope', factor: 2 }, 'longrope'],
    ['without its factor', { rope_type: 'linear' }, 'factor'],
    ['that are given per kind of layer', { full_attention: { rope_theta: 1 } }, 'differ'],
  ])('refuses rotary embeddings %s', (_, rope_scaling, word) => {
    expect(() => readModelConfig({ ...llama, rope_scaling })).toThrow(
      expect.objectContaining({
        code: 'unsupported-model',
        message: expect.stringContaining(word) as string,
      }),
    );
  });

  it('gives Qwen its biases, norms and head size', () => {
    const qwen2 = readModelConfig(like('qwen2', 'Qwen2ForCausalLM', { num_key_value_heads: 2 }));
    expect(qwen2.biases).toEqual({ qkv: true, output: false, mlp: false });
    expect(qwen2.windows).toEqual([null, null, null]);
    const qwen3 = readModelConfig(like('qwen3', 'Qwen3ForCausalLM', { num_key_value_heads: 2 }));
    expect([qwen3.hasQkNorm, qwen3.headDimension]).toEqual([true, 128]);
  });

  it('reads which layers see a window only', () => {
    const windows = (config: Record<string, unknown>): unknown => readModelConfig(config).windows;
    const kv = { num_key_value_heads: 2 };
    expect(windows(like('mistral', 'MistralForCausalLM', { ...kv, sliding_window: 32 }))).toEqual([
      32, 32, 32,
    ]);
    expect(windows(like('mistral', 'MistralForCausalLM', { ...kv, sliding_window: null }))).toEqual(
      [null, null, null],
    );
    const qwen = { ...kv, use_sliding_window: true, sliding_window: 8, max_window_layers: 2 };
    expect(windows(like('qwen2', 'Qwen2ForCausalLM', qwen))).toEqual([null, null, 8]);
    const types = ['sliding_attention', 'full_attention', 'sliding_attention'];
    expect(windows(like('qwen3', 'Qwen3ForCausalLM', { ...qwen, layer_types: types }))).toEqual([
      8,
      null,
      8,
    ]);
  });

  it('reads one stop token and several', () => {
    expect(readModelConfig({ ...llama, eos_token_id: 2 }).eosTokenIds).toEqual([2]);
    expect(readModelConfig({ ...llama, eos_token_id: [2, 7] }).eosTokenIds).toEqual([2, 7]);
  });

  it.each([
    ['an unknown architecture', like('mamba', 'MambaForCausalLM'), 'MambaForCausalLM'],
    ['a class without a language head', like('llama', 'LlamaForSequenceClassification'), 'Llama'],
    ['one that can only be quantized', like('phi3', 'Phi3ForCausalLM'), 'Phi3ForCausalLM'],
    ['an activation it has no kernel for', { ...llama, hidden_act: 'relu' }, 'relu'],
    ['a kind of layer it does not know', { ...llama, layer_types: ['a', 'a', 'a'] }, '"a"'],
  ])('refuses %s by name and lists what it can run', (_, config, word) => {
    expect(() => readModelConfig(config)).toThrow(
      expect.objectContaining({
        code: 'unsupported-model',
        message: expect.stringContaining(word) as string,
      }),
    );
    const unknown = (): unknown => readModelConfig(like('mamba', 'MambaForCausalLM'));
    expect(unknown).toThrow(
      expect.objectContaining({
        remedy: expect.stringContaining('LlamaForCausalLM, MistralForCausalLM') as string,
      }),
    );
  });

  it.each([
    ['no model type', { hidden_size: 64 }],
    ['no size', { ...llama, hidden_size: undefined }],
    ['a size that would exhaust memory', { ...llama, num_hidden_layers: 1e9 }],
    ['a fraction of a layer', { ...llama, num_hidden_layers: 1.5 }],
    ['heads that do not divide the width', { ...llama, num_attention_heads: 7 }],
    ['heads that cannot share', { ...llama, num_key_value_heads: 3 }],
    ['a list of layers that is too short', { ...llama, layer_types: ['full_attention'] }],
  ])('refuses a config with %s', (_, config) => {
    expect(() => readModelConfig(config)).toThrow(
      expect.objectContaining({ code: 'malformed-file' }),
    );
  });

  it('reads the config of an artifact: a quantization_config is no obstacle to running', () => {
    const config = { ...llama, quantization_config: { quant_method: 'bitsandbytes' } };
    expect(readModelConfig(config).layers).toBe(3);
  });

  it('reads a published config with its Python floats', async () => {
    const text = await readFile(new URL('./llama-config.json', import.meta.url), 'utf8');
    const config = readModelConfig(JSON.parse(text));
    expect(config.headDimension).toBe(64);
    expect(config.rope.kind).toBe('llama3');
    expect(config.tiedEmbeddings).toBe(true);
  });
});

describe('describeArchitecture', () => {
  it('describes what it can quantize but not run, and what it knows nothing of', () => {
    const phi = describeArchitecture(like('phi3', 'Phi3ForCausalLM'));
    expect([phi.quantizable, phi.runnable, phi.layers]).toEqual([true, false, 3]);
    const mamba = describeArchitecture({ model_type: 'mamba', num_hidden_layers: 'many' });
    expect([mamba.quantizable, mamba.runnable, mamba.layers]).toEqual([false, false, null]);
    expect(mamba.obstacle).toContain('mamba');
  });
});

describe('linearWeightTest', () => {
  it('knows the linear layers of each architecture and nothing else', () => {
    const isLinear = linearWeightTest(like('phi3', 'Phi3ForCausalLM'));
    expect(isLinear('model.layers.31.self_attn.qkv_proj.weight')).toBe(true);
    for (const name of [
      'model.layers.0.self_attn.q_proj.weight',
      'model.layers.0.self_attn.qkv_proj.bias',
      'model.layers.0.input_layernorm.weight',
      'model.layers.x.self_attn.qkv_proj.weight',
      'model.embed_tokens.weight',
      'lm_head.weight',
    ])
      expect(isLinear(name)).toBe(false);
  });

  it('refuses an unknown architecture with the list of known ones', () => {
    expect(() => linearWeightTest(like('gpt2', 'GPT2LMHeadModel'))).toThrow(
      expect.objectContaining({
        code: 'unsupported-model',
        message: expect.stringContaining('GPT2LMHeadModel') as string,
        remedy: expect.stringContaining('Phi3ForCausalLM') as string,
      }),
    );
  });

  it('refuses to quantize twice', () => {
    const config = { ...llama, quantization_config: { quant_method: 'gptq' } };
    expect(() => linearWeightTest(config)).toThrow('already quantized (gptq)');
  });
});
