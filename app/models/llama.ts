import { sevenLinearLayers, type Family } from './family.ts';
import {
  attentionOf,
  decoderOf,
  gatedOf,
  layerModule,
  layersOf,
  preNormLayer,
  readActivation,
  readBiases,
  readOutline,
} from './outline.ts';
import { readRope } from './rope-config.ts';

/** Llama 1 to 3, and the many models that took its shape. */
export const llama: Family = {
  classes: { llama: 'LlamaForCausalLM' },
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const outline = readOutline(config, {
      vocabularySize: 32_000,
      hiddenSize: 4_096,
      intermediateSize: 11_008,
      layers: 32,
      heads: 32,
      contextLength: 2_048,
      kvHeads: 'heads',
      headDimension: 'whole-ratio',
      bosTokenId: 1,
      eosTokenId: 2,
    });
    const activation = readActivation(config, 'silu');
    const rope = readRope(outline.raw, outline.contextLength, outline.headDimension);
    const biases = readBiases(config);
    return decoderOf(outline, names, {
      rotaryEmbeddings: [{ rope, dimensions: outline.headDimension }],
      layers: layersOf(outline, (layer) =>
        preNormLayer(
          outline,
          layer,
          attentionOf(outline, layer, {
            biases: { qkv: biases.attention, output: biases.attention },
          }),
          gatedOf(outline, layerModule(layer, 'mlp'), outline.intermediateSize, {
            activation,
            bias: biases.mlp,
          }),
        ),
      ),
    });
  },
};
