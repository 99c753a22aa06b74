import { z } from 'zod';
import { readFields } from './fields.ts';

/** Models that see or hear besides reading: their config.json holds that of a text model, which is what runs here. */
export interface Wrapper {
  /** The class of transformers. */
  readonly className: string;
  /** `model_type` of the text model where its part of the config does not say. */
  readonly textType: string;
  /** `tie_word_embeddings` of the whole where the config does not say. @default false */
  readonly tied?: boolean;
  /** Whether `tie_word_embeddings` of the text model counts as well. */
  readonly tiedWithin?: boolean;
  /** Whether older configs have the fields of the text model among those of the whole. */
  readonly flat?: boolean;
  /** Fields of the text model that its own class reads, but that of the whole does not. */
  readonly unread?: readonly string[];
  /** The text model of a config that says nothing of one. */
  readonly absent?: Readonly<Record<string, unknown>>;
}

/** By `model_type`. */
export const wrappers: Readonly<Record<string, Wrapper>> = {
  gemma3: {
    className: 'Gemma3ForConditionalGeneration',
    textType: 'gemma3_text',
    tied: true,
    unread: ['final_logit_softcapping'],
  },
  gemma3n: {
    className: 'Gemma3nForConditionalGeneration',
    textType: 'gemma3n_text',
    tied: true,
  },
  gemma4: {
    className: 'Gemma4ForConditionalGeneration',
    textType: 'gemma4_text',
    tied: true,
  },
  gemma4_unified: {
    className: 'Gemma4UnifiedForConditionalGeneration',
    textType: 'gemma4_unified_text',
    tied: true,
  },
  mistral3: {
    className: 'Mistral3ForConditionalGeneration',
    textType: 'mistral',
    tied: true,
    absent: {
      head_dim: 128,
      hidden_size: 5_120,
      intermediate_size: 32_768,
      max_position_embeddings: 131_072,
      num_attention_heads: 32,
      num_hidden_layers: 40,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      rope_theta: 1_000_000_000,
      sliding_window: null,
      vocab_size: 131_072,
    },
  },
  qwen2_5_vl: {
    className: 'Qwen2_5_VLForConditionalGeneration',
    textType: 'qwen2_5_vl_text',
    tiedWithin: true,
    flat: true,
  },
  qwen3_vl: { className: 'Qwen3VLForConditionalGeneration', textType: 'qwen3_vl_text' },
  qwen3_vl_moe: {
    className: 'Qwen3VLMoeForConditionalGeneration',
    textType: 'qwen3_vl_moe_text',
  },
  qwen3_5: { className: 'Qwen3_5ForConditionalGeneration', textType: 'qwen3_5_text' },
  qwen3_5_moe: {
    className: 'Qwen3_5MoeForConditionalGeneration',
    textType: 'qwen3_5_moe_text',
  },
  llama4: { className: 'Llama4ForConditionalGeneration', textType: 'llama4_text' },
};

const wrapperSchema = z.looseObject({
  text_config: z.looseObject({ model_type: z.string().max(128).nullish() }).nullish(),
  tie_word_embeddings: z.boolean().nullish(),
});

/** Fields of the whole that hold for the text model, too. */
const SHARED = ['dtype', 'torch_dtype', 'bos_token_id', 'eos_token_id'] as const;

/**
 * The config of the text model within one of a wrapper, as if it stood alone.
 *
 * @throws AppError `malformed-file` for a text_config that is no object
 */
export function textConfigOf(
  config: unknown,
  wrapper: Wrapper,
): Readonly<Record<string, unknown>> & { readonly model_type: string } {
  const whole = readFields(wrapperSchema, config);
  const own = whole.text_config ?? (wrapper.flat === true ? whole : (wrapper.absent ?? {}));
  const shared = SHARED.flatMap((key) => {
    const value = whole[key];
    return value === undefined || value === null ? [] : [[key, value] as const];
  });
  const tied =
    (whole.tie_word_embeddings ?? wrapper.tied ?? false) ||
    (wrapper.tiedWithin === true && own['tie_word_embeddings'] === true);
  return {
    ...Object.fromEntries(
      Object.entries(own).filter(([name]) => wrapper.unread?.includes(name) !== true),
    ),
    ...Object.fromEntries(shared),
    tie_word_embeddings: tied,
    model_type: whole.text_config?.model_type ?? wrapper.textType,
  };
}
