import { layerModule, layerNorm, preNormLayer, readPlain, ungatedOf } from '../../blocks.ts';
import { oneOf, type Family } from '../../family.ts';
import { readActivation, readBiases } from '../../outline.ts';
import { readPartialRope } from '../../rope-config.ts';

/** The linear layers of Llama without a gate. */
const isLinear = oneOf(
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.up_proj',
  'mlp.down_proj',
);

/** AFM: Llama whose feed-forward has no gate. */
export const arcee: Family = {
  isLinear,
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 32_000,
      hiddenSize: 2_560,
      intermediateSize: 18_432,
      layers: 32,
      heads: 32,
      contextLength: 4_096,
      kvHeads: 'heads',
      headDimension: 'ratio',
      bosTokenId: 128_000,
      eosTokenId: 128_001,
      epsilon: 1e-5,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { attention: own, mlp: bias } = readBiases(config);
      return {
        activation: readActivation(config, 'relu2'),
        attention: () => ({ biases: { qkv: own, output: own } }),
        feedForward: (layer, activation) =>
          ungatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias,
          }),
      };
    });
  },
};

/** Share of a head that Nemotron rotates, where the config does not say. */
const DEFAULT_PARTIAL = 0.5;

/** Nemotron 3 and 4, Minitron: layer norms that store their weights less one. */
export const nemotron: Family = {
  isLinear,
  normType: null,
  read(config, names) {
    const defaults = {
      vocabularySize: 256_000,
      hiddenSize: 6_144,
      intermediateSize: 24_576,
      layers: 32,
      heads: 48,
      contextLength: 4_096,
      kvHeads: 'heads',
      headDimension: 'ratio',
      bosTokenId: 2,
      eosTokenId: 3,
      epsilon: 1e-5,
      epsilonField: 'norm_eps',
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { raw, contextLength, headDimension } = outline;
      const { attention: own, mlp: bias } = readBiases(config);
      const norm: typeof layerNorm = (sizes, module) =>
        layerNorm(sizes, module, { weightOffset: 1 });
      return {
        activation: readActivation(config, 'relu2'),
        rotaryEmbeddings: [
          readPartialRope(raw, contextLength, headDimension, { partial: DEFAULT_PARTIAL }),
        ],
        attention: () => ({ biases: { qkv: own, output: own } }),
        feedForward: (layer, activation) =>
          ungatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias,
          }),
        layer: (sizes, layer, attention, feedForward) =>
          preNormLayer(sizes, layer, attention, feedForward, norm),
        around: { finalNorm: norm(outline, 'model.norm') },
      };
    });
  },
};
