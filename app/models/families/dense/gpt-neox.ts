import { z } from 'zod';
import { layerModule, layerNorm, preNormLayer, readPlain, ungatedOf } from '../../blocks.ts';
import type { Matrix } from '../../decoder.ts';
import { oneOf, type Family } from '../../family.ts';
import { readFields, withoutFields } from '../../fields.ts';
import { readActivation } from '../../outline.ts';
import { readPartialRope } from '../../rope-config.ts';

/** Share of a head that is rotated, where the config does not say. */
const DEFAULT_PARTIAL = 0.25;

const fieldsSchema = z.looseObject({
  attention_bias: z.boolean().nullish(),
  use_parallel_residual: z.boolean().nullish(),
  rotary_pct: z.number().positive().max(1).optional(),
  rotary_emb_base: z.number().positive().optional(),
});

/** GPT-NeoX and Pythia: queries, keys and values of a head follow each other in one matrix. */
export const gptNeox: Family = {
  isLinear: oneOf(
    'attention.query_key_value',
    'attention.dense',
    'mlp.dense_h_to_4h',
    'mlp.dense_4h_to_h',
  ),
  normType: null,
  read(config, names) {
    const defaults = {
      vocabularySize: 50_432,
      hiddenSize: 6_144,
      intermediateSize: 24_576,
      layers: 44,
      heads: 64,
      contextLength: 2_048,
      kvHeads: 'heads',
      headDimension: 'whole-ratio',
      bosTokenId: 0,
      eosTokenId: 2,
      epsilon: 1e-5,
      epsilonField: 'layer_norm_eps',
    } as const;
    const fields = readFields(fieldsSchema, config);
    // It has names of its own for these, and computes the size of its heads.
    const own = withoutFields(
      config,
      'head_dim',
      'num_key_value_heads',
      'rope_theta',
      'partial_rotary_factor',
    );
    return readPlain(own, names, defaults, (outline) => {
      const { raw, contextLength, hiddenSize, heads, headDimension } = outline;
      const bias = fields.attention_bias ?? true;
      const third = (layer: number, part: number): Matrix => ({
        module: layerModule(layer, 'attention.query_key_value'),
        inFeatures: hiddenSize,
        outFeatures: hiddenSize,
        bias,
        within: { first: part * headDimension, total: 3 * headDimension, groups: heads },
      });
      return {
        activation: readActivation(config, 'gelu'),
        rotaryEmbeddings: [
          readPartialRope(raw, contextLength, headDimension, {
            partial: fields.rotary_pct ?? DEFAULT_PARTIAL,
            ...(fields.rotary_emb_base === undefined ? {} : { theta: fields.rotary_emb_base }),
          }),
        ],
        feedForward: (layer, activation) =>
          ungatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias: true,
            names: { up: 'dense_h_to_4h', down: 'dense_4h_to_h' },
          }),
        attention: () => ({ output: 'attention.dense', biases: { qkv: bias, output: bias } }),
        layer: (sizes, layer, attention, feedForward) => {
          const mixer = {
            ...attention,
            query: third(layer, 0),
            key: third(layer, 1),
            value: third(layer, 2),
          };
          return {
            ...preNormLayer(sizes, layer, mixer, feedForward, layerNorm),
            isParallel: fields.use_parallel_residual ?? true,
          };
        },
        around: { finalNorm: layerNorm(outline, 'model.final_layer_norm') },
      };
    });
  },
};
