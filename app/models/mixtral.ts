import { expertLayers, expertsOf, readExperts, type ExpertsModules } from './experts.ts';
import { sevenLinearLayers, type Family } from './family.ts';
import {
  attentionOf,
  decoderOf,
  layersOf,
  preNormLayer,
  readActivation,
  readOutline,
  readWindow,
  requireWindow,
} from './outline.ts';
import { readRope } from './rope-config.ts';

const modules: ExpertsModules = {
  router: 'block_sparse_moe.gate',
  experts: 'block_sparse_moe.experts',
  names: { gate: 'w1', up: 'w3', down: 'w2' },
};

/** Base of the rotation where the config does not say. */
const DEFAULT_THETA = 1_000_000;

/** No window where the config does not name one. */
const NO_WINDOW = null;

export const mixtral: Family = {
  classes: { mixtral: 'MixtralForCausalLM' },
  isLinear: expertLayers(sevenLinearLayers, /^block_sparse_moe\.experts\.\d+\.w[123]$/),
  normType: 'widen',
  read(config, names) {
    const outline = readOutline(config, {
      vocabularySize: 32_000,
      hiddenSize: 4_096,
      intermediateSize: 14_336,
      layers: 32,
      heads: 32,
      contextLength: 131_072,
      kvHeads: 8,
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 2,
      epsilon: 1e-5,
    });
    const activation = readActivation(config, 'silu');
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension, DEFAULT_THETA);
    const window = readWindow(config, NO_WINDOW);
    const experts = {
      ...readExperts(config, {
        experts: 8,
        expertsPerToken: 2,
        normalized: true,
        intermediateSize: outline.intermediateSize,
      }),
      // What the family does not read may say anything.
      normalized: true,
      intermediateSize: outline.intermediateSize,
      isMixture: () => true,
    };
    return decoderOf(outline, names, {
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      layers: layersOf(outline, (layer) =>
        preNormLayer(
          outline,
          layer,
          attentionOf(outline, layer, { window: window === null ? null : requireWindow(window) }),
          expertsOf(outline, layer, experts, modules, activation),
        ),
      ),
    });
  },
};
