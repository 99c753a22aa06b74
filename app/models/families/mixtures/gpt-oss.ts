import { z } from 'zod';
import { gatedOf, layerModule, readPlain } from '../../blocks.ts';
import type { Expert } from '../../decoder.ts';
import type { ExpertSlices, ExpertStack } from '../../expert-stacks.ts';
import { expertLayers, expertsOf, readExperts } from '../../experts.ts';
import { sevenLinearLayers, type Family } from '../../family.ts';
import { readFields } from '../../fields.ts';
import { readBiases, readLayerTypes, readWindow, windowOf } from '../../outline.ts';
import { readRope } from '../../rope-config.ts';

const EXPERTS = 'mlp.experts';
const DEFAULT_WINDOW = 128;
const THETA = 150_000;
/** The rotation of a config that says nothing of one. */
const DEFAULT_ROPE = {
  rope_type: 'yarn',
  factor: 32,
  beta_fast: 32,
  beta_slow: 1,
  truncate: false,
  original_max_position_embeddings: 4_096,
};

const swigluSchema = z.looseObject({
  swiglu_alpha: z.number().nullish(),
  swiglu_limit: z.number().positive().nullish(),
});

/** Matrices lie by columns; those in MXFP4 by rows, blocks and exponents apart. */
const stacks: readonly (ExpertStack | ExpertSlices)[] = (
  ['gate_up_proj', 'down_proj'] as const
).flatMap((part): (ExpertStack | ExpertSlices)[] => {
  const tensor = `${EXPERTS}.${part}`;
  const module = `${EXPERTS}.*.${part}`;
  return [
    { tensor, matrices: [module], hidden: part === 'down_proj' ? 'out' : 'in', order: 'columns' },
    { tensor: `${tensor}_bias`, slice: `${module}.bias` },
    { tensor: `${tensor}_blocks`, slice: `${module}.blocks` },
    { tensor: `${tensor}_scales`, slice: `${module}.scales` },
  ];
});

/** Mixtures whose heads have sinks, with experts in MXFP4 as published. */
export const gptOss: Family = {
  isLinear: expertLayers(sevenLinearLayers, /^mlp\.experts\.\d+\.(?:gate_up|down)_proj$/),
  stacks,
  normType: 'keep',
  read(config, names) {
    const defaults = {
      vocabularySize: 201_088,
      hiddenSize: 2_880,
      intermediateSize: 2_880,
      layers: 36,
      heads: 64,
      contextLength: 131_072,
      kvHeads: 8,
      headDimension: 64,
      bosTokenId: null,
      eosTokenId: null,
      epsilon: 1e-5,
      theta: THETA,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { raw, layers, contextLength, headDimension: dimensions, intermediateSize } = outline;
      const { attention: bias } = readBiases(config, true);
      const swiglu = readFields(swigluSchema, config);
      const types = readLayerTypes(config, layers, (layer) =>
        layer % 2 === 0 ? 'sliding_attention' : 'full_attention',
      );
      const window = readWindow(config, DEFAULT_WINDOW);
      const read = readExperts(config, {
        experts: 128,
        expertsPerToken: 4,
        normalized: true,
        intermediateSize,
      });
      // What the family does not read may say anything.
      const sizes = { ...read, normalized: true, intermediateSize };
      const given = raw.rope_parameters ?? raw.rope_scaling;
      const rope = readRope(
        given === null || given === undefined ? { rope_parameters: DEFAULT_ROPE } : raw,
        contextLength,
        dimensions,
        THETA,
      );
      const expertOf = (layer: number, expert: number): Expert => {
        const module = layerModule(layer, `${EXPERTS}.${expert}`);
        const { up, down } = gatedOf(outline, module, intermediateSize, {
          bias: true,
          names: { gate: 'gate_up_proj', up: 'gate_up_proj', down: 'down_proj' },
        });
        return { gate: null, up: { ...up, outFeatures: 2 * intermediateSize }, down };
      };
      return {
        // Whatever hidden_act says.
        activation: 'silu',
        rotaryEmbeddings: [{ rope, dimensions }],
        attention: (layer) => ({
          window: windowOf(types[layer] ?? 'full_attention', window),
          biases: { qkv: bias, output: bias },
          sinks: 'self_attn.sinks',
        }),
        feedForward: (layer) => {
          const mixture = expertsOf(
            outline,
            layer,
            sizes,
            { router: 'mlp.router', experts: EXPERTS },
            'silu',
          );
          return {
            ...mixture,
            router: { ...mixture.router, bias: true },
            experts: Array.from({ length: sizes.experts }, (_, expert) => expertOf(layer, expert)),
            clampedSwiglu: {
              alpha: swiglu.swiglu_alpha ?? 1.702,
              limit: swiglu.swiglu_limit ?? 7,
            },
          };
        },
      };
    });
  },
};
