import { z } from 'zod';
import { DEFAULT_MAX_TOKENS, type Message, type Sampling } from '../../../app/contract/sampling.ts';

/** The part of OpenAI's chat completions that a local model can serve, and Nibble's own settings beside it. */

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const messageSchema = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(textPart).min(1)]),
});

/** What would change the answer and cannot be had is refused by name: silence would be a lie. */
const absent = z.union([z.null(), z.undefined(), z.array(z.unknown()).max(0)]).optional();
const zero = z.literal(0).nullish();

/** OpenAI allows four. */
const MAX_STOPS = 4;

export const chatRequestSchema = z.object({
  model: z.string().min(1).max(512),
  messages: z.array(messageSchema).min(1).max(10_000),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).max(10).nullish(),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
  max_tokens: z.int().positive().max(1_000_000).nullish(),
  max_completion_tokens: z.int().positive().max(1_000_000).nullish(),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).max(MAX_STOPS)])
    .nullish()
    .transform((stop) => (typeof stop === 'string' ? [stop] : (stop ?? []))),
  n: z.literal(1).nullish(),
  frequency_penalty: zero,
  presence_penalty: zero,
  logprobs: z.literal(false).nullish(),
  top_logprobs: zero,
  response_format: z.object({ type: z.literal('text') }).nullish(),
  tools: absent,
  functions: absent,
});
export type ChatRequest = z.infer<typeof chatRequestSchema>;

/** The messages as the engine takes them. `developer` is the newer name of `system`. */
export function messagesOf(request: ChatRequest): Message[] {
  return request.messages.map(({ role, content }) => ({
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
  }));
}

/**
 * The settings that the request names; the model's own stand for the others.
 *
 * @param anySeed used where none is given: clients of this API expect another answer every time
 */
export function samplingOf(request: ChatRequest, anySeed: number): Partial<Sampling> {
  const { temperature, top_p, top_k, min_p, repetition_penalty, seed } = request;
  return {
    seed: seed ?? anySeed,
    ...(typeof temperature === 'number' ? { temperature } : {}),
    ...(typeof top_p === 'number' ? { topP: top_p } : {}),
    ...(typeof top_k === 'number' ? { topK: top_k } : {}),
    ...(typeof min_p === 'number' ? { minP: min_p } : {}),
    ...(typeof repetition_penalty === 'number' ? { repetitionPenalty: repetition_penalty } : {}),
  };
}

/** The longest answer that the request allows. */
export function maxTokensOf(request: ChatRequest): number {
  return request.max_completion_tokens ?? request.max_tokens ?? DEFAULT_MAX_TOKENS;
}
