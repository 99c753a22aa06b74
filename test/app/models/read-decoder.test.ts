import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { dtypeSchema } from '../../../app/contract/checkpoint.ts';
import {
  describeArchitecture,
  linearWeightTest,
  readDecoder,
  type Decoder,
} from '../../../app/models/index.ts';

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

/** What the tests below ask of a decoder whose layers are all alike but for their windows. */
function outlineOf({ layers, rotaryEmbeddings }: Decoder): {
  rope: unknown;
  rotated: number | undefined;
  windows: (number | null)[];
  biases: (boolean | undefined)[];
  hasHeadNorms: boolean;
  headDimension: number | undefined;
} {
  const [first] = layers;
  const attention = first?.mixer?.kind === 'attention' ? first.mixer : undefined;
  const { feedForward } = first ?? {};
  const gated = feedForward?.kind === 'gated' ? feedForward : undefined;
  return {
    rope: rotaryEmbeddings[0]?.rope,
    rotated: rotaryEmbeddings[0]?.dimensions,
    windows: layers.map(({ mixer }) => (mixer?.kind === 'attention' ? mixer.window : null)),
    biases: [attention?.query.bias, attention?.output.bias, gated?.down.bias],
    hasHeadNorms: attention?.queryNorm?.extent === 'head',
    headDimension: attention?.headDimension,
  };
}

describe('readDecoder', () => {
  it('scales the embeddings of Gemma as a float32 run does, whatever the weights are stored in', () => {
    const config = {
      ...llama,
      model_type: 'gemma',
      hidden_size: 640,
      head_dim: 16,
      num_key_value_heads: 2,
      dtype: 'bfloat16',
    };
    expect(readDecoder(config).embeddingScale).toBe(Math.fround(Math.sqrt(640)));
  });

  it('fills in what transformers would', () => {
    const { layers, rotaryEmbeddings, ...others } = readDecoder(llama);
    expect(others).toEqual({
      modelType: 'llama',
      className: 'LlamaForCausalLM',
      vocabularySize: 160,
      hiddenSize: 64,
      embedding: 'model.embed_tokens',
      embeddingScale: 1,
      finalNorm: { kind: 'rms', module: 'model.norm', epsilon: 1e-6, weightOffset: 0 },
      head: 'lm_head',
      tiedEmbeddings: false,
      logitScale: 1,
      logitSoftcap: null,
      contextLength: 2048,
      longestContext: 2048,
      bosTokenId: 1,
      eosTokenIds: [2],
      dtype: null,
    });
    expect(rotaryEmbeddings).toEqual([{ rope: { kind: 'default', theta: 1e4 }, dimensions: 16 }]);
    expect(layers).toHaveLength(3);
    const matrix = (module: string, inFeatures: number, outFeatures: number): object => ({
      module: `model.layers.2.${module}`,
      inFeatures,
      outFeatures,
      bias: false,
    });
    const norm = (module: string): object => ({
      kind: 'rms',
      module: `model.layers.2.${module}`,
      epsilon: 1e-6,
      weightOffset: 0,
    });
    expect(layers[2]).toEqual({
      attentionNorm: norm('input_layernorm'),
      mixer: {
        kind: 'attention',
        heads: 4,
        kvHeads: 4,
        headDimension: 16,
        scale: 0.25,
        window: null,
        softcap: null,
        temperature: null,
        rope: 0,
        queryNorm: null,
        keyNorm: null,
        valueNorm: null,
        sinks: null,
        cacheOf: null,
        query: matrix('self_attn.q_proj', 64, 64),
        key: matrix('self_attn.k_proj', 64, 64),
        value: matrix('self_attn.v_proj', 64, 64),
        output: matrix('self_attn.o_proj', 64, 64),
        outputGate: null,
      },
      afterAttentionNorm: null,
      feedForwardNorm: norm('post_attention_layernorm'),
      feedForward: {
        kind: 'gated',
        activation: 'silu',
        gate: matrix('mlp.gate_proj', 64, 192),
        up: matrix('mlp.up_proj', 64, 192),
        down: matrix('mlp.down_proj', 192, 64),
      },
      afterFeedForwardNorm: null,
      residualScale: 1,
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
    expect(outlineOf(readDecoder({ ...llama, ...old })).rope).toEqual(expected);
    expect(outlineOf(readDecoder({ ...llama, ...current })).rope).toEqual(expected);
  });

  it('reads linear, dynamic and YaRN scaling', () => {
    const rope = (scaling: object): unknown =>
      outlineOf(readDecoder({ ...llama, max_position_embeddings: 4096, rope_scaling: scaling }))
        .rope;
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
    ['of an unknown type', { rope_type: 'axial', factor: 2 }, 'axial'],
    ['without a list of factors', { rope_type: 'longrope', factor: 2 }, 'short_factor'],
    [
      'over a part of a head',
      { rope_type: 'linear', factor: 2, partial_rotary_factor: 0.5 },
      'part',
    ],
    ['without its factor', { rope_type: 'linear' }, 'factor'],
    ['that are given per kind of layer', { full_attention: { rope_theta: 1 } }, 'differ'],
  ])('refuses rotary embeddings %s', (_, rope_scaling, word) => {
    expect(() => readDecoder({ ...llama, rope_scaling })).toThrow(
      expect.objectContaining({
        code: 'unsupported-model',
        message: expect.stringContaining(word) as string,
      }),
    );
  });

  it('gives Qwen its biases, norms and head size', () => {
    const read = (modelType: string, className: string): ReturnType<typeof outlineOf> =>
      outlineOf(readDecoder(like(modelType, className, { num_key_value_heads: 2 })));
    const qwen2 = read('qwen2', 'Qwen2ForCausalLM');
    expect(qwen2.biases).toEqual([true, false, false]);
    expect(qwen2.windows).toEqual([null, null, null]);
    const qwen3 = read('qwen3', 'Qwen3ForCausalLM');
    expect([qwen3.hasHeadNorms, qwen3.headDimension]).toEqual([true, 128]);
  });

  it('reads which layers see a window only', () => {
    const windows = (config: Record<string, unknown>): unknown =>
      outlineOf(readDecoder(config)).windows;
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

  it('tells layers of a Mistral apart where their types are given, as of a Ministral', () => {
    const kv = { num_key_value_heads: 2, sliding_window: 32 };
    const types = ['full_attention', 'sliding_attention', 'full_attention'];
    const config = like('mistral', 'MistralForCausalLM', { ...kv, layer_types: types });
    expect(outlineOf(readDecoder(config)).windows).toEqual([null, 32, null]);
  });

  it('lets every family read its own fields and no others', () => {
    const leftOver = {
      attention_bias: true,
      mlp_bias: true,
      sliding_window: 0,
      use_sliding_window: false,
      max_window_layers: 'many',
      partial_rotary_factor: 0.5,
      num_key_value_heads: 2,
    };
    const of = (modelType: string, className: string): ReturnType<typeof readDecoder> =>
      readDecoder(like(modelType, className, leftOver));
    const read = [
      of('llama', 'LlamaForCausalLM'),
      readDecoder(like('mistral', 'MistralForCausalLM', { ...leftOver, sliding_window: null })),
      readDecoder(like('qwen2', 'Qwen2ForCausalLM', { ...leftOver, max_window_layers: undefined })),
      readDecoder(like('qwen3', 'Qwen3ForCausalLM', { ...leftOver, max_window_layers: undefined })),
    ];
    expect(read.map((decoder) => outlineOf(decoder).biases)).toEqual([
      [true, true, true],
      [false, false, false],
      [true, false, false],
      [true, true, false],
    ]);
    for (const { windows, rotated, headDimension } of read.map(outlineOf)) {
      expect(windows).toEqual([null, null, null]);
      expect(rotated).toBe(headDimension);
    }
  });

  it.each([
    ['linear', { rope_type: 'linear', factor: 4 }, 8192],
    ['dynamic', { rope_type: 'dynamic', factor: 2.5 }, 5120],
    ['yarn', { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 1024 }, 4096],
    ['yarn', { rope_type: 'yarn', factor: 8 }, 16384],
    ['no', {}, 2048],
  ])('knows how far %s scaling reaches', (_, rope_parameters, longest) => {
    const { contextLength, longestContext } = readDecoder({ ...llama, rope_parameters });
    expect([contextLength, longestContext]).toEqual([2048, longest]);
  });

  it.each([
    [
      'Mistral',
      like('mistral', 'MistralForCausalLM', { num_key_value_heads: 2, sliding_window: 0 }),
    ],
    [
      'Qwen',
      like('qwen2', 'Qwen2ForCausalLM', {
        num_key_value_heads: 2,
        use_sliding_window: true,
        sliding_window: 0,
        max_window_layers: 0,
      }),
    ],
  ])('refuses a window of %s that shows nothing', (_, config) => {
    expect(() => readDecoder(config)).toThrow(
      expect.objectContaining({
        reason: 'bad-config-value',
        facts: { field: 'sliding_window', value: '0' },
      }),
    );
  });

  it('takes what is no token for none', () => {
    const ids = (config: object): unknown => {
      const { bosTokenId, eosTokenIds } = readDecoder({ ...llama, ...config });
      return [bosTokenId, eosTokenIds];
    };
    expect(ids({ bos_token_id: -1, eos_token_id: -1 })).toEqual([null, []]);
    expect(ids({ bos_token_id: null, eos_token_id: null })).toEqual([null, []]);
    expect(ids({ eos_token_id: [7, -1, 'x', 2.5] })).toEqual([1, [7]]);
  });

  it('reads one stop token and several', () => {
    expect(readDecoder({ ...llama, eos_token_id: 2 }).eosTokenIds).toEqual([2]);
    expect(readDecoder({ ...llama, eos_token_id: [2, 7] }).eosTokenIds).toEqual([2, 7]);
  });

  it.each([
    ['an unknown architecture', like('mamba', 'MambaForCausalLM'), 'MambaForCausalLM'],
    ['a class without a language head', like('llama', 'LlamaForSequenceClassification'), 'Llama'],
    ['an activation it has no kernel for', { ...llama, hidden_act: 'mish' }, 'mish'],
    [
      'a kind of layer it does not know',
      like('mistral', 'MistralForCausalLM', {
        num_key_value_heads: 2,
        layer_types: ['a', 'a', 'a'],
      }),
      '"a"',
    ],
  ])('refuses %s by name and lists what it can run', (_, config, word) => {
    expect(() => readDecoder(config)).toThrow(
      expect.objectContaining({
        code: 'unsupported-model',
        message: expect.stringContaining(word) as string,
      }),
    );
    const unknown = (): unknown => readDecoder(like('mamba', 'MambaForCausalLM'));
    expect(unknown).toThrow(
      expect.objectContaining({
        remedy: expect.stringContaining('LlamaForCausalLM, MistralForCausalLM') as string,
      }),
    );
  });

  it.each([
    ['no model type', { hidden_size: 64 }],
    ['no number as a size', { ...llama, hidden_size: null }],
    ['an infinite number', { ...llama, rms_norm_eps: Infinity }],
    ['a size that would exhaust memory', { ...llama, num_hidden_layers: 1e9 }],
    ['a fraction of a layer', { ...llama, num_hidden_layers: 1.5 }],
    ['heads that do not divide the width', { ...llama, num_attention_heads: 7 }],
    ['heads that cannot share', { ...llama, num_key_value_heads: 3 }],
    [
      'a list of layers that is too short',
      like('qwen3', 'Qwen3ForCausalLM', {
        num_key_value_heads: 2,
        layer_types: ['full_attention'],
      }),
    ],
  ])('refuses a config with %s', (_, config) => {
    expect(() => readDecoder(config)).toThrow(expect.objectContaining({ code: 'malformed-file' }));
  });

  it('reads the config of an artifact: a quantization_config is no obstacle to running', () => {
    const config = { ...llama, quantization_config: { quant_method: 'bitsandbytes' } };
    expect(readDecoder(config).layers).toHaveLength(3);
  });

  it('reads a published config with its Python floats', async () => {
    const text = await readFile(new URL('./llama-config.json', import.meta.url), 'utf8');
    const config = readDecoder(JSON.parse(text));
    expect(outlineOf(config)).toMatchObject({ headDimension: 64, rope: { kind: 'llama3' } });
    expect(config.tiedEmbeddings).toBe(true);
  });
});

describe('describeArchitecture', () => {
  it('describes what it can quantize and run, and what it knows nothing of', () => {
    const stable = describeArchitecture(like('stablelm', 'StableLmForCausalLM'));
    expect([stable.quantizable, stable.runnable, stable.layers]).toEqual([true, true, 3]);
    const gpt2 = { model_type: 'gpt2', n_layer: 12, n_embd: 768, n_positions: 1_024 };
    expect(describeArchitecture(gpt2)).toMatchObject({
      layers: 12,
      hiddenSize: 768,
      contextLength: 1_024,
    });
    const mamba = describeArchitecture({ model_type: 'mamba', num_hidden_layers: 'many' });
    expect([mamba.quantizable, mamba.runnable, mamba.layers]).toEqual([false, false, null]);
    expect(mamba.obstacle?.message).toContain('mamba');
  });
});

describe('linearWeightTest', () => {
  it('knows the linear layers of each architecture and nothing else', () => {
    const isLinear = linearWeightTest(like('phi3', 'Phi3ForCausalLM'));
    expect(isLinear('model.layers.0.self_attn.qkv_proj.weight')).toBe(true);
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
    expect(() => linearWeightTest(like('opt', 'OPTForCausalLM'))).toThrow(
      expect.objectContaining({
        code: 'unsupported-model',
        message: expect.stringContaining('OPTForCausalLM') as string,
        remedy: expect.stringContaining('Phi3ForCausalLM') as string,
      }),
    );
  });

  it.each([
    ['gptq', { quantization_config: { quant_method: 'gptq' } }, []],
    ['awq', { quantization_config: { quant_method: 'awq' } }, []],
    ['bitsandbytes', { quantization_config: { quant_method: 'bitsandbytes' } }, []],
    ['mxfp4', { quantization_config: { quant_method: 'mxfp4' } }, []],
    ['compressed-tensors', { compression_config: { quant_method: 'compressed-tensors' } }, []],
    ['float-quantized', { compression_config: { format: 'float-quantized' } }, []],
    ['unknown', { quantization_config: 'yes' }, []],
    ['gptq', {}, ['mlp.up_proj.qweight I32', 'mlp.up_proj.g_idx I32']],
    ['awq or gptq', {}, ['mlp.up_proj.qweight I32', 'mlp.up_proj.qzeros I32']],
    ['bitsandbytes', {}, ['mlp.up_proj.weight U8', 'mlp.up_proj.weight.absmax F32']],
    ['bitsandbytes', {}, ['mlp.up_proj.weight I8', 'mlp.up_proj.SCB F32']],
    ['mxfp4', {}, ['mlp.experts.gate_up_proj_blocks U8', 'mlp.experts.gate_up_proj_scales U8']],
    ['compressed-tensors', {}, ['mlp.up_proj.weight_packed I32']],
    ['fp8', {}, ['mlp.up_proj.weight F8_E4M3', 'mlp.up_proj.weight_scale_inv F32']],
  ])('refuses to quantize %s weights again', (method, config, tensors) => {
    const stored = tensors.map((text) => {
      const [name = '', dtype = ''] = text.split(' ');
      return { name: `model.layers.0.${name}`, dtype: dtypeSchema.parse(dtype) };
    });
    for (const base of [llama, like('gpt_oss', 'GptOssForCausalLM')])
      expect(() => linearWeightTest({ ...base, ...config }, stored)).toThrow(
        expect.objectContaining({ reason: 'already-quantized', facts: { method } }),
      );
  });

  it.each([
    ['mpt', 'MPTForCausalLM', null],
    ['qwen2_vl', 'Qwen2VLForConditionalGeneration', 'Qwen2ForCausalLM'],
    ['qwen3_omni_moe', 'Qwen3OmniMoeForConditionalGeneration', 'Qwen3ForCausalLM'],
    ['llama5_text', 'Llama5ForCausalLM', 'LlamaForCausalLM'],
    ['olmo', 'OlmoForCausalLM', 'Olmo2ForCausalLM'],
    ['llama', 'LlamaForSequenceClassification', 'LlamaForCausalLM'],
  ])('names the known model that is nearest to %s', (modelType, className, similar) => {
    const { reason, facts } = describeArchitecture(like(modelType, className)).obstacle ?? {};
    expect([reason, facts]).toEqual(
      similar === null
        ? ['unknown-architecture', { architecture: className }]
        : ['unknown-architecture-similar', { architecture: className, similar }],
    );
  });
});
