import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import type { TensorInfo } from '../../../app/contract/checkpoint.ts';
import { schemeNames } from '../../fixtures/known-schemes.ts';
import { planQuantization } from '../../../app/quantize/index.ts';
import type { PlannedTensor } from '../../../app/quantize/index.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

let directory: string;
let tensors: readonly TensorInfo[];
let config: unknown;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-plan-'));
  await writeTinyCheckpoint(directory, { tied: false });
  const checkpoint = await openCheckpoint(directory);
  ({ tensors, config } = checkpoint);
  await checkpoint.close();
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** One linear layer of the given shape and type, and an embedding to go with it. */
function tensorsOf(shape: number[], dtype: TensorInfo['dtype'] = 'BF16'): TensorInfo[] {
  const place = { file: 'model.safetensors', byteOffset: 0 };
  const bytes = shape.reduce((product, size) => product * size, 2);
  const name = 'model.layers.0.mlp.down_proj.weight';
  return [
    { name: 'model.embed_tokens.weight', dtype: 'BF16', shape: [4, 4], byteLength: 32, ...place },
    { name, dtype, shape, byteLength: bytes, ...place },
  ];
}

function linearLayer(plan: { tensors: readonly PlannedTensor[] }): PlannedTensor {
  const found = plan.tensors.find(({ source }) => source.name.includes('down_proj'));
  if (found === undefined) throw new Error('There is a linear layer.');
  return found;
}

describe('planQuantization', () => {
  it('quantizes linear layers and keeps the rest, with the reason', () => {
    const plan = planQuantization({ tensors, config, scheme: 'nf4' });
    const treatment = (end: string): unknown => {
      const found = plan.tensors.find(({ source }) => source.name.endsWith(end));
      return found?.treatment === 'kept' ? found.reason : found?.treatment;
    };
    expect(treatment('0.self_attn.q_proj.weight')).toBe('quantized');
    expect(treatment('1.mlp.down_proj.weight')).toBe('quantized');
    expect(treatment('embed_tokens.weight')).toBe('not a linear layer');
    expect(treatment('model.norm.weight')).toBe('not a linear layer');
    expect(treatment('lm_head.weight')).toBe('the output layer is kept, as bitsandbytes does');
    expect(plan.tensors.filter((tensor) => tensor.treatment === 'quantized')).toHaveLength(14);
    expect(plan.skippedModules).toEqual([]);
  });

  it('gives tensors the names, types and shapes that bitsandbytes gives them', () => {
    const names = (scheme: 'nf4' | 'fp4-dq' | 'llm-int8' | 'int8-zeropoint' | 'int4'): unknown =>
      linearLayer(planQuantization({ tensors: tensorsOf([128, 192]), config, scheme })).outputs.map(
        ({ name, dtype, shape }) => [
          name.replace('model.layers.0.mlp.down_proj', 'P'),
          dtype,
          shape,
        ],
      );
    expect(names('nf4')).toEqual([
      ['P.weight', 'U8', [12288, 1]],
      ['P.weight.absmax', 'F32', [384]],
      ['P.weight.quant_map', 'F32', [16]],
      ['P.weight.quant_state.bitsandbytes__nf4', 'U8', [80]],
    ]);
    expect(names('fp4-dq')).toEqual([
      ['P.weight', 'U8', [12288, 1]],
      ['P.weight.absmax', 'U8', [384]],
      ['P.weight.quant_map', 'F32', [16]],
      ['P.weight.nested_absmax', 'F32', [2]],
      ['P.weight.nested_quant_map', 'F32', [256]],
      ['P.weight.quant_state.bitsandbytes__fp4', 'U8', [173]],
    ]);
    expect(names('llm-int8')).toEqual([
      ['P.weight', 'I8', [128, 192]],
      ['P.SCB', 'F32', [128]],
      ['P.weight_format', 'U8', []],
    ]);
    expect(names('int8-zeropoint')).toEqual([
      ['P.weight', 'I8', [128, 192]],
      ['P.weight.scales', 'F32', [128, 1]],
      ['P.weight.zero_points', 'I8', [128, 1]],
    ]);
    expect(names('int4')).toEqual([
      ['P.weight', 'U8', [128, 96]],
      ['P.weight.scales', 'F32', [128, 3]],
      ['P.weight.zero_points', 'I8', [128, 3]],
    ]);
  });

  it.each([
    [64, undefined, 64],
    [96, undefined, 32],
    [4096, 4096, 4096],
    [192, 4096, 64],
    [192, 128, 64],
    [96, 64, 32],
    [64, 32, 32],
  ])('for %i columns and block size %s chooses %s', (columns, asked, expected) => {
    const plan = planQuantization({
      tensors: tensorsOf([64, columns]),
      config,
      scheme: 'nf4',
      blockSize: asked,
    });
    const layer = linearLayer(plan);
    expect(layer.treatment === 'quantized' && layer.blockSize).toBe(expected);
    expect(plan.blockSize).toBe(asked ?? 64);
  });

  it('keeps a layer that no block size divides, and says so to whoever loads the artifact', () => {
    const plan = planQuantization({ tensors: tensorsOf([64, 100]), config, scheme: 'nf4-dq' });
    expect(linearLayer(plan)).toMatchObject({
      treatment: 'kept',
      reason: 'no block size up to 64 divides its 100 columns',
    });
    expect(plan.skippedModules).toEqual(['model.layers.0.mlp.down_proj']);
  });

  it('keeps layers whose type or shape cannot be quantized', () => {
    const of = (shape: number[], dtype?: TensorInfo['dtype']): unknown =>
      linearLayer(
        planQuantization({ tensors: tensorsOf(shape, dtype), config, scheme: 'llm-int8' }),
      );
    expect(of([64, 64], 'F64')).toMatchObject({
      reason: 'weights of type F64 cannot be quantized',
    });
    expect(of([64, 64, 2])).toMatchObject({ reason: 'not a matrix: [64, 64, 2]' });
    expect(of([0, 64])).toMatchObject({ reason: 'not a matrix: [0, 64]' });
  });

  it('counts codes and scales as bits of the weights, and not the constant tables', () => {
    const bits = (scheme: string): number =>
      planQuantization({ tensors: tensorsOf([256, 256]), config, scheme }).quantizedBitsPerWeight;
    expect(bits('nf4')).toBe(4.5);
    expect(bits('nf4-dq')).toBeCloseTo(4.127, 3);
    expect(bits('llm-int8')).toBe(8 + 32 / 256);
    expect(bits('int4')).toBe(4 + 40 / 64);
    expect(bits('bf16')).toBe(0);
  });

  it('plans every scheme for every type of weights', () => {
    for (const scheme of schemeNames) {
      const plan = planQuantization({ tensors, config, scheme });
      const source = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
      if (scheme === 'bf16') expect(plan.layout).toBeNull();
      else expect(plan.weightsBytes).toBeLessThan(source);
      expect(plan.parameters).toBe(source / 2);
    }
  });

  it('refuses a block size that the scheme does not have', () => {
    expect(() => planQuantization({ tensors, config, scheme: 'nf4', blockSize: 48 })).toThrow(
      expect.objectContaining({ code: 'invalid-input' }),
    );
  });

  it('refuses models it does not know, models that are quantized, and models without layers', () => {
    const plan = (changes: object, list = tensors): unknown =>
      planQuantization({
        tensors: list,
        config: { ...(config as object), ...changes },
        scheme: 'nf4',
      });
    const code = expect.objectContaining({ code: 'unsupported-model' }) as unknown;
    expect(() => plan({ model_type: 'rwkv', architectures: ['RwkvForCausalLM'] })).toThrow(code);
    expect(() => plan({ quantization_config: { quant_method: 'awq' } })).toThrow('awq');
    expect(() => plan({}, tensors.slice(0, 1))).toThrow(
      expect.objectContaining({ reason: 'missing-tensor' }),
    );
  });

  it('refuses a checkpoint whose names would collide with ours', () => {
    const [embedding, layer] = tensorsOf([64, 64]);
    if (embedding === undefined || layer === undefined) throw new Error('There are two.');
    const intruder = { ...embedding, name: `${layer.name}.absmax` };
    expect(() => planQuantization({ tensors: [layer, intruder], config, scheme: 'nf4' })).toThrow(
      'already quantized',
    );
  });
});
