import { z } from 'zod';
import { preNormLayer, readPlain, type PlainModel } from '../../blocks.ts';
import type { Decoder } from '../../decoder.ts';
import type { ExpertStack } from '../../expert-stacks.ts';
import { expertLayers, expertsOf, readExperts } from '../../experts.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readBiases } from '../../outline.ts';

const factor = z.number().positive();
const factorsSchema = z.looseObject({
  embedding_multiplier: factor.nullish(),
  attention_multiplier: factor.nullish(),
  residual_multiplier: factor.nullish(),
  logits_scaling: factor.nullish(),
});

/** The factors of a config. */
export function readFactors(config: unknown): {
  readonly attentionScale: number;
  readonly residualScale: number;
  readonly around: Pick<Decoder, 'embeddingScale' | 'logitScale'>;
} {
  const factors = readFields(factorsSchema, config);
  return {
    attentionScale: factors.attention_multiplier ?? 1,
    residualScale: factors.residual_multiplier ?? 1,
    around: {
      embeddingScale: factors.embedding_multiplier ?? 1,
      logitScale: 1 / (factors.logits_scaling ?? 1),
    },
  };
}

/** What both families have of their factors. */
function withFactors(config: unknown): PlainModel {
  const { attention } = readBiases(config);
  const { attentionScale, residualScale, around } = readFactors(config);
  return {
    attention: () => ({
      scale: attentionScale,
      biases: { qkv: attention, output: attention },
    }),
    layer: (...parts) => ({ ...preNormLayer(...parts), residualScale }),
    around,
  };
}

export const defaults = {
  vocabularySize: 32_000,
  hiddenSize: 4_096,
  intermediateSize: 11_008,
  layers: 32,
  heads: 32,
  contextLength: 2_048,
  kvHeads: 'heads',
  headDimension: 'ratio',
  bosTokenId: 1,
  eosTokenId: 2,
} as const;

/** Llama with factors on embeddings, scores, blocks and logits. */
export const granite: Family = {
  isLinear: sevenLinearLayers,
  normType: 'widen',
  read(config, names) {
    const { mlp } = readBiases(config);
    return readPlain(config, names, defaults, () => ({ ...withFactors(config), mlpBias: mlp }));
  },
};

const MIXTURE = 'block_sparse_moe';
const EXPERTS = `${MIXTURE}.experts`;
export const modules = { router: `${MIXTURE}.router.layer`, experts: EXPERTS };
export const mixtureLinears = /^block_sparse_moe\.experts\.\d+\.(?:gate|up|down)_proj$/;
export const stacks: readonly ExpertStack[] = [
  {
    tensor: `${MIXTURE}.input_linear.weight`,
    matrices: [`${EXPERTS}.*.gate_proj`, `${EXPERTS}.*.up_proj`],
    hidden: 'in',
    order: 'rows',
  },
  {
    tensor: `${MIXTURE}.output_linear.weight`,
    matrices: [`${EXPERTS}.*.down_proj`],
    hidden: 'out',
    order: 'rows',
  },
];

/** The same with a mixture in every layer, all of its experts in one tensor. */
export const graniteMoe: Family = {
  isLinear: expertLayers(sevenLinearLayers, mixtureLinears),
  stacks,
  normType: 'widen',
  read(config, names) {
    return readPlain(config, names, defaults, (outline) => {
      const { intermediateSize } = outline;
      const read = readExperts(config, {
        experts: 8,
        expertsPerToken: 2,
        normalized: true,
        intermediateSize,
      });
      // What the family does not read may say anything.
      const experts = { ...read, normalized: true, intermediateSize };
      return {
        ...withFactors(config),
        feedForward: (layer, activation) => expertsOf(outline, layer, experts, modules, activation),
      };
    });
  },
};
