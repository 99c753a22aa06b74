import { z } from 'zod';
import { decoderOf, layerModule, layersOf, rmsNorm } from '../../blocks.ts';
import { oneOf, type Family } from '../../family.ts';
import { contradiction, readFields } from '../../fields.ts';
import { groupedNorm, mamba2Of, readStepLimit, requireSilu, taps } from '../../mamba2.ts';
import { readOutline, width } from '../../outline.ts';

/** Mamba 2: blocks with a state and nothing else. */

const mambaSchema = z.looseObject({
  num_heads: width.nullish(),
  head_dim: width.nullish(),
  state_size: width.nullish(),
  n_groups: width.nullish(),
  expand: z.number().positive().nullish(),
  conv_kernel: taps.nullish(),
  use_bias: z.boolean().nullish(),
  use_conv_bias: z.boolean().nullish(),
  hidden_act: z.string().nullish(),
});

/** Nothing in it counts positions: as long as a conversation gets. */
const CONTEXT_LENGTH = 131_072;

export const mamba2: Family = {
  isLinear: oneOf('mixer.in_proj', 'mixer.out_proj'),
  normType: 'widen',
  read(config, names) {
    const raw = readFields(mambaSchema, config);
    const heads = raw.num_heads ?? 128;
    const headDimension = raw.head_dim ?? 64;
    const outline = readOutline(
      // Its heads are those of states.
      { ...Object(config), num_attention_heads: 1, num_key_value_heads: 1, head_dim: 2 },
      {
        vocabularySize: 32_768,
        hiddenSize: 4_096,
        intermediateSize: 8_192,
        layers: 64,
        heads: 1,
        contextLength: CONTEXT_LENGTH,
        kvHeads: 1,
        headDimension: 2,
        bosTokenId: 0,
        eosTokenId: 2,
        epsilon: 1e-5,
        epsilonField: 'layer_norm_epsilon',
      },
    );
    requireSilu('hidden_act', raw.hidden_act);
    const { hiddenSize, epsilon } = outline;
    if (hiddenSize * (raw.expand ?? 2) !== heads * headDimension)
      throw contradiction(
        'num_heads',
        heads,
        `${heads} heads of ${headDimension} elements are not ${raw.expand ?? 2} times ${hiddenSize}.`,
      );
    const bias = raw.use_bias ?? false;
    const sizes = {
      hiddenSize,
      heads,
      groups: raw.n_groups ?? 8,
      stateDimension: raw.state_size ?? 128,
      headDimension,
      taps: raw.conv_kernel ?? 4,
      bias,
      outputBias: bias,
      convolutionBias: raw.use_conv_bias ?? true,
      limit: readStepLimit(config),
    };
    return decoderOf(outline, names, {
      embedding: 'model.embeddings',
      finalNorm: rmsNorm(outline, 'model.norm_f'),
      rotaryEmbeddings: [],
      layers: layersOf(outline, (layer) => {
        const module = layerModule(layer, 'mixer');
        const norm = groupedNorm(`${module}.norm`, sizes, { epsilon, isGateFirst: true });
        return {
          attentionNorm: rmsNorm(outline, layerModule(layer, 'norm')),
          mixer: mamba2Of(module, sizes, norm),
          afterAttentionNorm: null,
          feedForwardNorm: null,
          feedForward: null,
          afterFeedForwardNorm: null,
          residualScale: 1,
        };
      }),
    });
  },
};
