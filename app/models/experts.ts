import { z } from 'zod';
import { gatedOf, layerModule } from './blocks.ts';
import type { Activation, ExpertsFeedForward, Routing } from './decoder.ts';
import { contradiction, readFields, unsupportedFeature } from './fields.ts';
import { width, type Outline } from './outline.ts';

/** Mixtures whose experts are stored one by one, as most families publish them. */

/** Far beyond any model; native-kernels refuses more. */
const MAX_EXPERTS = 4_096;

const count = z.int().positive().max(MAX_EXPERTS);

const expertsSchema = z.looseObject({
  num_experts: count.nullish(),
  n_routed_experts: count.nullish(),
  /** transformers' other name for it. */
  num_local_experts: count.nullish(),
  num_experts_per_tok: count.nullish(),
  norm_topk_prob: z.boolean().nullish(),
  moe_intermediate_size: width.nullish(),
  decoder_sparse_step: z.int().positive().nullish(),
  mlp_only_layers: z.array(z.int()).max(MAX_EXPERTS).nullish(),
});

export interface ExpertsDefaults {
  readonly experts: number;
  readonly expertsPerToken: number;
  readonly normalized: boolean;
  readonly intermediateSize: number;
}

export interface ExpertsOutline extends ExpertsDefaults {
  /** Whether a layer is a mixture; the others have one feed-forward. */
  readonly isMixture: (layer: number) => boolean;
}

/** @throws AppError `malformed-file` for numbers that are out of range or contradict each other */
export function readExperts(config: unknown, defaults: ExpertsDefaults): ExpertsOutline {
  const raw = readFields(expertsSchema, config);
  const experts =
    raw.num_experts ?? raw.num_local_experts ?? raw.n_routed_experts ?? defaults.experts;
  const expertsPerToken = raw.num_experts_per_tok ?? defaults.expertsPerToken;
  if (expertsPerToken > experts)
    throw contradiction(
      'num_experts_per_tok',
      expertsPerToken,
      `${expertsPerToken} experts cannot be chosen among ${experts}.`,
    );
  const step = raw.decoder_sparse_step ?? 1;
  const dense = new Set(raw.mlp_only_layers);
  return {
    experts,
    expertsPerToken,
    normalized: raw.norm_topk_prob ?? defaults.normalized,
    intermediateSize: raw.moe_intermediate_size ?? defaults.intermediateSize,
    isMixture: (layer) => !dense.has(layer) && (layer + 1) % step === 0,
  };
}

/** What most routers do: the softmax over all experts, of which the best are chosen. */
export function softmaxRouting(expertsPerToken: number, isNormalized: boolean): Routing {
  return {
    expertsPerToken,
    scores: 'softmax',
    jitter: 0,
    correction: null,
    groups: null,
    normalized: isNormalized ? { epsilon: 0, leastSum: 0 } : null,
    scale: 1,
    expertScales: null,
    weighs: 'output',
  };
}

const groupsSchema = z.looseObject({
  n_group: count.nullish(),
  topk_group: count.nullish(),
  routed_scaling_factor: z.number().nullish(),
});

/**
 * What DeepSeek 3 began: the sigmoid of every logit, corrected for the choice, and experts of the best groups alone.
 *
 * @param module Within the layer, of the tensor that corrects.
 */
export function correctedRouting(
  config: unknown,
  { experts, expertsPerToken, normalized }: Omit<ExpertsOutline, 'isMixture'>,
  module: string,
): (layer: number) => Partial<Routing> {
  const raw = readFields(groupsSchema, config);
  const groups = raw.n_group ?? 1;
  const chosen = raw.topk_group ?? 1;
  const size = experts / groups;
  if (!Number.isInteger(size) || size < 2 || chosen > groups || chosen * size < expertsPerToken)
    throw contradiction(
      'n_group',
      groups,
      `${expertsPerToken} of ${experts} experts cannot be chosen in ${chosen} of ${groups} groups.`,
    );
  return (layer) => ({
    scores: 'sigmoid',
    correction: layerModule(layer, `${module}.e_score_correction_bias`),
    groups: chosen === groups ? null : { count: groups, chosen, by: 'two-best' },
    normalized: normalized ? { epsilon: 1e-20, leastSum: 0 } : null,
    scale: raw.routed_scaling_factor ?? 1,
  });
}

/** Where a family keeps the tensors of a mixture, within its layer. */
export interface ExpertsModules {
  readonly router: string;
  /** Of the experts, in front of their numbers. */
  readonly experts: string;
  readonly names?: { readonly gate: string; readonly up: string; readonly down: string };
}

/** The mixture of one layer. @param routing @default softmaxRouting */
export function expertsOf(
  outline: Outline,
  layer: number,
  sizes: Omit<ExpertsOutline, 'isMixture'>,
  modules: ExpertsModules,
  activation: Activation,
  routing: Partial<Routing> = {},
): ExpertsFeedForward {
  if (activation !== 'silu' && activation !== 'gelu-tanh')
    throw unsupportedFeature(
      'hidden_act',
      activation,
      `config.json: experts whose activation is ${activation} are not supported.`,
    );
  const { experts, expertsPerToken, normalized, intermediateSize } = sizes;
  const { names } = modules;
  return {
    kind: 'experts',
    activation,
    router: {
      module: layerModule(layer, modules.router),
      inFeatures: outline.hiddenSize,
      outFeatures: experts,
      bias: false,
    },
    routing: { ...softmaxRouting(expertsPerToken, normalized), ...routing },
    experts: Array.from({ length: experts }, (_, expert) =>
      gatedOf(outline, layerModule(layer, `${modules.experts}.${expert}`), intermediateSize, {
        activation,
        ...(names === undefined ? {} : { names }),
      }),
    ),
    shared: null,
  };
}

/** The test for linear layers of a mixture: those that most decoders share, and every expert's. */
export function expertLayers(
  isLinear: (module: string) => boolean,
  pattern: RegExp,
): (module: string) => boolean {
  return (module) => isLinear(module) || pattern.test(module);
}
