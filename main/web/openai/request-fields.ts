import { z } from 'zod';

/**
 * Fields of a chat completion that are known and not served: each is taken with the values at which it changes nothing
 * in the answer, and refused by name with any other. The names are those of OpenAI's API and of the servers whose
 * clients send more (llama.cpp, vLLM). A name that is in neither list is refused as well: what is not understood could
 * have been meant to change the answer.
 */

const isNeutral = (values: readonly unknown[]) => (value: unknown) =>
  value === undefined || value === null || values.includes(value);

/** Nothing at all: null, an empty list, object or text. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** A field that is taken with these values only. */
function only(...values: readonly (string | number | boolean)[]): z.ZodType {
  const list = [...values, null].map((value) => JSON.stringify(value)).join(', ');
  return z
    .unknown()
    .refine(isNeutral(values), `Nibble does not support this: leave it out, or send ${list}.`)
    .optional();
}

/** A field that must hold nothing. */
const nothing = z
  .unknown()
  .refine(isEmpty, 'Nibble does not support this: leave it out.')
  .optional();

/** A field that changes no answer by itself, whatever number it has: another field must switch it on. */
const inert = z.union([z.number(), z.boolean(), z.string(), z.array(z.string())]).nullish();

/** A label of the caller's own. */
const label = z.string().max(4096).nullish();

const openAi = {
  audio: nothing,
  frequency_penalty: only(0),
  // Without tools nothing can be called, whichever way it is said.
  function_call: only('none', 'auto'),
  functions: nothing,
  logit_bias: nothing,
  logprobs: only(false),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  modalities: z
    .unknown()
    .refine(
      (value) => isEmpty(value) || (Array.isArray(value) && value.every((kind) => kind === 'text')),
      'Nibble answers with text only: leave it out, or send ["text"].',
    )
    .optional(),
  n: only(1),
  parallel_tool_calls: z.boolean().nullish(),
  prediction: nothing,
  presence_penalty: only(0),
  prompt_cache_key: label,
  prompt_cache_retention: label,
  reasoning_effort: nothing,
  response_format: z
    .unknown()
    .refine(
      (value) =>
        isEmpty(value) || z.strictObject({ type: z.literal('text') }).safeParse(value).success,
      'Nibble answers with plain text only: leave it out, or send {"type":"text"}.',
    )
    .optional(),
  safety_identifier: label,
  service_tier: only('auto', 'default'),
  store: only(false),
  tool_choice: only('none', 'auto'),
  tools: nothing,
  top_logprobs: only(0),
  user: label,
  verbosity: only('medium'),
  web_search_options: nothing,
};

const vllm = {
  add_generation_prompt: only(true),
  add_special_tokens: only(false),
  allowed_token_ids: nothing,
  bad_words: nothing,
  best_of: only(1),
  cache_salt: label,
  chat_template: nothing,
  chat_template_kwargs: nothing,
  continue_final_message: only(false),
  documents: nothing,
  early_stopping: only(false),
  echo: only(false),
  guided_choice: nothing,
  guided_grammar: nothing,
  guided_json: nothing,
  guided_regex: nothing,
  ignore_eos: only(false),
  include_reasoning: only(true),
  include_stop_str_in_output: only(false),
  kv_transfer_params: nothing,
  length_penalty: only(1),
  logits_processors: nothing,
  min_tokens: only(0),
  mm_processor_kwargs: nothing,
  priority: only(0),
  prompt_logprobs: nothing,
  request_id: label,
  return_token_ids: only(false),
  return_tokens_as_token_ids: only(false),
  skip_special_tokens: only(true),
  spaces_between_special_tokens: only(true),
  stop_token_ids: nothing,
  structured_outputs: nothing,
  thinking_token_budget: nothing,
  truncate_prompt_tokens: nothing,
  use_beam_search: only(false),
  vllm_xargs: nothing,
};

const llamaCpp = {
  cache_prompt: only(true),
  dry_allowed_length: inert,
  dry_base: inert,
  dry_multiplier: only(0),
  dry_penalty_last_n: inert,
  dry_sequence_breakers: inert,
  dynatemp_exponent: inert,
  dynatemp_range: only(0),
  grammar: nothing,
  id_slot: only(-1),
  json_schema: nothing,
  lora: nothing,
  min_keep: only(0),
  mirostat: only(0),
  mirostat_eta: inert,
  mirostat_tau: inert,
  n_keep: only(0),
  n_probs: only(0),
  post_sampling_probs: only(false),
  reasoning_format: only('none', 'auto'),
  // The whole context counts for the repetition penalty.
  repeat_last_n: only(-1),
  return_progress: only(false),
  samplers: nothing,
  t_max_predict_ms: only(0, -1),
  tfs_z: only(1),
  timings_per_token: only(false),
  typ_p: only(1),
  typical_p: only(1),
  xtc_probability: only(0),
  xtc_threshold: inert,
};

/** What must be at its neutral value, by name. */
export const neutralFields = { ...openAi, ...vllm, ...llamaCpp };
