import { describe, expect, it } from 'vitest';
import type { TensorStatistics } from '../../../app/contract/checkpoint.ts';
import { errorMap, layerErrors } from '../../../renderer/views/details/error-map.ts';
import { placeOf } from '../../../renderer/views/details/matrix-kind.ts';

describe('the place of a tensor by its name', () => {
  it.each([
    ['model.layers.3.self_attn.v_proj.weight', 'v', 3, null],
    ['model.layers.31.mlp.gate_proj.weight', 'gate', 31, null],
    ['model.layers.0.self_attn.qkv_proj.weight', 'qkv', 0, null],
    ['model.layers.0.mlp.gate_up_proj.weight', 'gateUp', 0, null],
    ['model.language_model.layers.7.mlp.down_proj.weight', 'down', 7, null],
    ['model.layers.2.self_attn.dense.weight', 'o', 2, null],
    ['model.layers.2.mlp.fc1.weight', 'up', 2, null],
    ['model.layers.5.mlp.experts.11.up_proj.weight', 'up', 5, 11],
    ['model.layers.5.block_sparse_moe.experts.3.w2.weight', 'down', 5, 3],
    ['model.layers.5.mlp.gate.weight', 'router', 5, null],
    ['transformer.h.4.mlp.c_proj.weight', 'down', 4, null],
    ['transformer.h.4.attn.c_proj.weight', 'o', 4, null],
    ['gpt_neox.layers.1.attention.query_key_value.weight', 'qkv', 1, null],
    ['model.layers.9.input_layernorm.weight', 'norm', 9, null],
    ['model.layers.9.self_attn.q_norm.weight', 'norm', 9, null],
    ['model.norm.weight', 'norm', null, null],
    ['model.embed_tokens.weight', 'embedding', null, null],
    ['lm_head.weight', 'head', null, null],
    ['model.layers.1.self_attn.q_proj.bias', 'other', 1, null],
    ['model.layers.1.strange.thing', 'other', 1, null],
    ['constructor', 'other', null, null],
    ['', 'other', null, null],
    ['model.layers.weight', 'other', null, null],
  ])('%s', (name, kind, layer, expert) => {
    expect(placeOf(name)).toEqual({ kind, layer, expert });
  });
});

function tensor(name: string, change: Partial<TensorStatistics> = {}): TensorStatistics {
  return {
    name,
    dtype: 'BF16',
    shape: [4, 4],
    treatment: 'quantized',
    reason: null,
    blockSize: 64,
    numel: 16,
    storedBytes: 9,
    bitsPerWeight: 4.5,
    rmsError: 0.01,
    relativeError: 0.1,
    maxError: 0.05,
    sqnrDb: 20,
    cosine: 0.995,
    sha256: '',
    ...change,
  };
}

describe('the map of errors', () => {
  it('puts every quantized tensor into its layer and kind and finds the worst', () => {
    const map = errorMap([
      tensor('model.layers.1.self_attn.v_proj.weight', { relativeError: 0.2, rmsError: 0.02 }),
      tensor('model.layers.0.self_attn.q_proj.weight'),
      tensor('model.layers.0.self_attn.v_proj.weight'),
      tensor('model.norm.weight', { treatment: 'kept', relativeError: 0, rmsError: 0 }),
    ]);
    expect(map?.layers).toEqual([0, 1]);
    expect(map?.kinds).toEqual(['q', 'v']);
    expect(map?.cells).toHaveLength(3);
    expect(map?.worst).toMatchObject({ layer: 1, kind: 'v', tensors: 1 });
    expect(map?.worst.sqnrDb).toBeCloseTo(20 * Math.log10(5), 10);
  });

  it('adds experts up by their energies, not by their ratios', () => {
    const map = errorMap([
      // Signals of 1 and 3 per weight, noises of 0.1 and 0.6.
      tensor('l.layers.0.mlp.experts.0.up_proj.weight', { rmsError: 0.1, relativeError: 0.1 }),
      tensor('l.layers.0.mlp.experts.1.up_proj.weight', { rmsError: 0.6, relativeError: 0.2 }),
    ]);
    expect(map?.cells).toHaveLength(1);
    expect(map?.worst.tensors).toBe(2);
    expect(map?.worst.worst).toContain('experts.1');
    expect(map?.worst.relativeError).toBeCloseTo(Math.sqrt((0.01 + 0.36) / (1 + 9)), 12);
  });

  it('is not there where nothing was lost', () => {
    const kept = tensor('lm_head.weight', { treatment: 'kept', rmsError: 0, relativeError: 0 });
    expect(errorMap([kept])).toBeNull();
    expect(
      errorMap([tensor('a.layers.0.q_proj.weight', { rmsError: 0, relativeError: 0 })]),
    ).toBeNull();
    expect(layerErrors([kept])).toEqual([]);
  });

  it('shows tensors outside the layers before the first layer', () => {
    const map = errorMap([tensor('model.layers.0.mlp.up_proj.weight'), tensor('lm_head.weight')]);
    expect(map?.layers).toEqual([null, 0]);
  });

  it('gives each layer its error and the spread of its matrices', () => {
    const [first, second] = layerErrors([
      tensor('model.layers.10.mlp.up_proj.weight'),
      tensor('model.layers.2.mlp.up_proj.weight', { relativeError: 0.1, rmsError: 0.1 }),
      tensor('model.layers.2.mlp.down_proj.weight', { relativeError: 0.3, rmsError: 0.3 }),
    ]);
    expect(first?.layer).toBe(2);
    expect(first?.relativeError).toBeCloseTo(Math.sqrt(0.05), 12);
    expect(first).toMatchObject({ least: 0.1, most: 0.3 });
    expect(second?.layer).toBe(10);
  });
});
