import { z } from 'zod';
import { DEFAULT_MAX_TOKENS, type Message, type Sampling } from '../../../app/contract/sampling.ts';
import { neutralFields } from './request-fields.ts';

/**
 * The part of OpenAI's chat completions that a local model can serve, and Nibble's own settings beside it. Whatever
 * would change the answer is applied or refused by name, at every depth: an answer that ignores a part of its request
 * looks like one that does not.
 */

/** Neutral fields of a message: what clients send back of an answer that they got. */
const absent = z
  .unknown()
  .refine(
    (value) =>
      value === undefined ||
      value === null ||
      value === '' ||
      (Array.isArray(value) && value.length === 0),
    'Nibble does not support this: leave it out.',
  )
  .optional();

/** Text that can be read as it was sent: JSON can write half of a character, and half of one would become another. */
const text = z
  .string()
  .refine(
    (value) => value.isWellFormed(),
    'There is half of a character in it (a lone surrogate).',
  );

const textPart = z.strictObject({ type: z.literal('text'), text });
const messageSchema = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([text, z.array(textPart).min(1)]),
  annotations: absent,
  audio: absent,
  function_call: absent,
  name: absent,
  reasoning: absent,
  reasoning_content: absent,
  refusal: absent,
  tool_call_id: absent,
  tool_calls: absent,
});

/** OpenAI allows four. */
const MAX_STOPS = 4;

const penalty = z.number().gt(0).max(10).nullish();
const length = z.int().positive().max(1_000_000).nullish();

/** True unless both are given and differ. */
function agree(a: number | null | undefined, b: number | null | undefined): boolean {
  return typeof a !== 'number' || typeof b !== 'number' || a === b;
}

export const chatRequestSchema = z
  .strictObject({
    ...neutralFields,
    model: z.string().min(1).max(512),
    messages: z.array(messageSchema).min(1).max(10_000),
    stream: z.boolean().nullish(),
    stream_options: z
      .strictObject({
        include_usage: z.boolean().optional(),
        /** Padding against observers of a network that is not there. */
        include_obfuscation: z.boolean().optional(),
        continuous_usage_stats: z.literal(false).optional(),
      })
      .nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    /** -1 is another server's way to turn it off. */
    top_k: z.int().min(-1).nullish(),
    min_p: z.number().min(0).max(1).nullish(),
    repetition_penalty: penalty,
    repeat_penalty: penalty,
    seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
    max_tokens: length,
    max_completion_tokens: length,
    stop: z
      .union([text.min(1), z.array(text.min(1)).max(MAX_STOPS)])
      .nullish()
      .transform((stop) => (typeof stop === 'string' ? [stop] : (stop ?? []))),
  })
  .refine((request) => agree(request.max_tokens, request.max_completion_tokens), {
    path: ['max_completion_tokens'],
    message: 'It differs from max_tokens, its older name: send one of them.',
  })
  .refine((request) => agree(request.repetition_penalty, request.repeat_penalty), {
    path: ['repeat_penalty'],
    message: 'It differs from repetition_penalty, another name of it: send one of them.',
  });
export type ChatRequest = z.infer<typeof chatRequestSchema>;

/** What is wrong with a request: the name of the field, `messages.0.name` for one that lies deeper, and why. */
export interface RequestFault {
  readonly param: string | null;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** The fault behind one of a union: that of the kind of value which got furthest into what was sent. */
function innermost(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const first = issue.errors.flatMap(([each]) => (each === undefined ? [] : [each]));
  // A value of another type than a branch takes fails right at its door.
  const inside =
    first.find(({ path }) => path.length > 0) ?? first.find(({ code }) => code !== 'invalid_type');
  return inside === undefined
    ? issue
    : innermost({ ...inside, path: [...issue.path, ...inside.path] });
}

/** Reads the body of a request. */
export function readChatRequest(
  body: unknown,
): { readonly request: ChatRequest } | { readonly fault: RequestFault } {
  const parsed = chatRequestSchema.safeParse(body);
  if (parsed.success) return { request: parsed.data };
  const [outer] = parsed.error.issues;
  if (outer === undefined) return { fault: { param: null, message: 'The request is not valid.' } };
  const issue = innermost(outer);
  const at = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const param = [...at, issue.keys[0] ?? ''].join('.');
    return {
      fault: {
        param,
        message: `${param}: Nibble does not know this field and does not ignore it: leave it out.`,
      },
    };
  }
  const param = at.join('.');
  return {
    fault: {
      param: param === '' ? null : param,
      message: `${param === '' ? 'The request' : param}: ${issue.message}`,
    },
  };
}

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
  const { temperature, top_p, top_k, min_p, seed } = request;
  const repetitionPenalty = request.repetition_penalty ?? request.repeat_penalty;
  return {
    seed: seed ?? anySeed,
    ...(typeof temperature === 'number' ? { temperature } : {}),
    ...(typeof top_p === 'number' ? { topP: top_p } : {}),
    ...(typeof top_k === 'number' ? { topK: Math.max(0, top_k) } : {}),
    ...(typeof min_p === 'number' ? { minP: min_p } : {}),
    ...(typeof repetitionPenalty === 'number' ? { repetitionPenalty } : {}),
  };
}

/** The longest answer that the request allows. */
export function maxTokensOf(request: ChatRequest): number {
  return request.max_completion_tokens ?? request.max_tokens ?? DEFAULT_MAX_TOKENS;
}
