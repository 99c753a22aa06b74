import { z } from 'zod';
import { fusedMatrices, layerModule, layerNorm, readPlain, ungatedOf } from '../../blocks.ts';
import { oneOf, type Family } from '../../family.ts';
import { readFields, withoutFields } from '../../fields.ts';
import { readActivation, width } from '../../outline.ts';

const fieldsSchema = z.looseObject({
  n_inner: width.nullish(),
  scale_attn_weights: z.boolean().nullish(),
  scale_attn_by_inverse_layer_idx: z.boolean().nullish(),
});

/** Its own names of sizes; transformers reads the usual ones as well. */
const NAMES = {
  n_embd: 'hidden_size',
  n_positions: 'max_position_embeddings',
  n_head: 'num_attention_heads',
  n_layer: 'num_hidden_layers',
  activation_function: 'hidden_act',
} as const;

function renamed(config: unknown): unknown {
  const own = withoutFields(
    config,
    'head_dim',
    'num_key_value_heads',
    'intermediate_size',
    'hidden_act',
  );
  if (typeof own !== 'object' || own === null) return own;
  const fields = Object.entries(NAMES).flatMap(([name, usual]): [string, unknown][] => {
    const value: unknown = Reflect.get(own, name);
    return value === undefined ? [] : [[usual, value]];
  });
  return { ...own, ...Object.fromEntries(fields) };
}

/** Feed-forwards are so many times as wide as the model, where the config does not say. */
const INNER_WIDTH = 4;

/** GPT-2: learned positions in place of a rotation, layer norms, and matrices that are stored transposed. */
export const gpt2: Family = {
  isLinear: oneOf('attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj'),
  storesTransposed: true,
  normType: null,
  read(config, names) {
    const defaults = {
      vocabularySize: 50_257,
      hiddenSize: 768,
      intermediateSize: 0,
      layers: 12,
      heads: 12,
      contextLength: 1_024,
      kvHeads: 'heads',
      headDimension: 'whole-ratio',
      isRotated: false,
      bosTokenId: 50_256,
      eosTokenId: 50_256,
      epsilon: 1e-5,
      epsilonField: 'layer_norm_epsilon',
      tied: true,
    } as const;
    const fields = readFields(fieldsSchema, config);
    const own = renamed(config);
    return readPlain(own, names, defaults, (outline) => {
      const { hiddenSize, headDimension, contextLength } = outline;
      const isScaled = fields.scale_attn_weights ?? true;
      const isByLayer = fields.scale_attn_by_inverse_layer_idx ?? false;
      return {
        activation: readActivation(own, 'gelu-tanh'),
        rotaryEmbeddings: [],
        attention: (layer) => ({
          rope: null,
          scale: (isScaled ? 1 / Math.sqrt(headDimension) : 1) / (isByLayer ? layer + 1 : 1),
          output: 'attn.c_proj',
          biases: { qkv: true, output: true },
        }),
        feedForward: (layer, activation) => {
          const inner = fields.n_inner ?? INNER_WIDTH * hiddenSize;
          return ungatedOf(outline, layerModule(layer, 'mlp'), inner, {
            activation,
            bias: true,
            names: { up: 'c_fc', down: 'c_proj' },
          });
        },
        layer: (sizes, layer, attention, feedForward) => {
          const [query = attention.query, key = attention.key, value = attention.value] =
            fusedMatrices(layerModule(layer, 'attn.c_attn'), hiddenSize, [
              hiddenSize,
              hiddenSize,
              hiddenSize,
            ]).map((matrix) => ({ ...matrix, bias: true }));
          return {
            attentionNorm: layerNorm(sizes, layerModule(layer, 'ln_1')),
            mixer: { ...attention, query, key, value },
            afterAttentionNorm: null,
            feedForwardNorm: layerNorm(sizes, layerModule(layer, 'ln_2')),
            feedForward,
            afterFeedForwardNorm: null,
            residualScale: 1,
          };
        },
        around: {
          finalNorm: layerNorm(outline, 'model.ln_f'),
          positions: { module: 'model.wpe', count: contextLength },
        },
      };
    });
  },
};
