import { describe, expect, it } from 'vitest';
import {
  maxTokensOf,
  messagesOf,
  readChatRequest,
  samplingOf,
  type ChatRequest,
} from '../../../main/web/openai/request.ts';

const plain = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };

function accepted(more: object): ChatRequest {
  const read = readChatRequest({ ...plain, ...more });
  if ('fault' in read) throw new Error(read.fault.message);
  return read.request;
}

function refused(more: object): string | null {
  const read = readChatRequest({ ...plain, ...more });
  if (!('fault' in read)) throw new Error(`taken: ${JSON.stringify(more)}`);
  expect(read.fault.message).toContain(read.fault.param);
  return read.fault.param;
}

/** What would change the answer and is not served. */
const unserved: Readonly<Record<string, unknown>> = {
  audio: { voice: 'alloy', format: 'wav' },
  frequency_penalty: 0.5,
  function_call: { name: 'f' },
  functions: [{ name: 'f' }],
  logit_bias: { 50256: -100 },
  logprobs: true,
  modalities: ['text', 'audio'],
  n: 2,
  prediction: { type: 'content', content: 'x' },
  presence_penalty: 0.1,
  reasoning_effort: 'high',
  response_format: { type: 'json_object' },
  service_tier: 'flex',
  store: true,
  tool_choice: 'required',
  tools: [{ type: 'function', function: { name: 'f' } }],
  top_logprobs: 5,
  verbosity: 'low',
  web_search_options: { search_context_size: 'low' },
  // llama.cpp
  cache_prompt: false,
  dry_multiplier: 0.8,
  dynatemp_range: 0.5,
  grammar: 'root ::= "a"',
  json_schema: { type: 'object' },
  mirostat: 2,
  n_keep: -1,
  n_predict: 5,
  n_probs: 3,
  repeat_last_n: 64,
  typical_p: 0.9,
  xtc_probability: 0.5,
  // vLLM
  add_generation_prompt: false,
  allowed_token_ids: [1],
  bad_words: ['a'],
  best_of: 2,
  chat_template: '{{ x }}',
  chat_template_kwargs: { enable_thinking: false },
  continue_final_message: true,
  documents: [{ text: 'a' }],
  echo: true,
  guided_json: { type: 'object' },
  ignore_eos: true,
  include_stop_str_in_output: true,
  length_penalty: 2,
  min_tokens: 10,
  prompt_logprobs: 1,
  skip_special_tokens: false,
  stop_token_ids: [2],
  structured_outputs: { choice: ['a'] },
  truncate_prompt_tokens: 5,
  use_beam_search: true,
  // In no list of anyone.
  temprature: 0.1,
};

/** The same at values that change nothing, as clients send them without being asked. */
const neutral: Readonly<Record<string, unknown>> = {
  frequency_penalty: 0,
  presence_penalty: 0.0,
  function_call: 'none',
  functions: [],
  logit_bias: {},
  logprobs: false,
  metadata: { run: '7' },
  modalities: ['text'],
  n: 1,
  parallel_tool_calls: true,
  response_format: { type: 'text' },
  service_tier: 'auto',
  store: false,
  stream_options: { include_usage: true },
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  user: 'someone',
  cache_prompt: true,
  dry_multiplier: 0,
  dry_base: 1.75,
  grammar: '',
  mirostat: 0,
  mirostat_tau: 5,
  repeat_last_n: -1,
  samplers: [],
  typical_p: 1,
  add_generation_prompt: true,
  bad_words: [],
  chat_template_kwargs: {},
  continue_final_message: false,
  ignore_eos: false,
  min_tokens: 0,
  skip_special_tokens: true,
  stop_token_ids: [],
  use_beam_search: false,
};

describe('a chat completion request', () => {
  it.each(Object.entries(unserved))('refuses %s by name', (name, value) => {
    expect(refused({ [name]: value })).toBe(name);
  });

  it.each(Object.entries(neutral))('takes %s where it changes nothing', (name, value) => {
    accepted({ [name]: value });
  });

  it('takes null for everything that may be left out', () => {
    for (const name of [...Object.keys(unserved), 'temperature', 'stop', 'seed'])
      if (name !== 'temprature' && name !== 'n_predict') accepted({ [name]: null });
  });

  it('refuses what it does not know inside of messages and options, with its place', () => {
    const message = (more: object): object => ({
      messages: [{ role: 'user', content: 'a', ...more }],
    });
    expect(refused(message({ name: 'Bob' }))).toBe('messages.0.name');
    expect(refused(message({ cache_control: {} }))).toBe('messages.0.cache_control');
    const part = (value: unknown): object => ({
      messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }, value] }],
    });
    expect(refused(part({ type: 'text', text: 'a', cache_control: {} }))).toBe(
      'messages.0.content.1.cache_control',
    );
    expect(refused(part({ type: 'image_url', image_url: {} }))).toBe('messages.0.content.1.type');
    expect(refused(part({ type: 'text', text: 7 }))).toBe('messages.0.content.1.text');
    expect(refused(part('a'))).toBe('messages.0.content.1');
    expect(refused({ messages: [{ role: 'user', content: 7 }] })).toBe('messages.0.content');
    expect(refused({ stop: ['a', 7] })).toBe('stop.1');
    expect(refused({ stop: ['a', 'b', 'c', 'd', 'e'] })).toBe('stop');
    expect(refused({ messages: [{ role: 'tool', content: 'a' }] })).toBe('messages.0.role');
    expect(refused({ stream_options: { include_use: true } })).toBe('stream_options.include_use');
    // An answer as it was got goes back as it is.
    accepted({
      messages: [
        { role: 'assistant', content: 'a', refusal: null, tool_calls: [], annotations: [] },
      ],
    });
  });

  it('applies what it serves, under every name', () => {
    expect(samplingOf(accepted({ repeat_penalty: 1.2 }), 1).repetitionPenalty).toBe(1.2);
    expect(samplingOf(accepted({ repetition_penalty: 1.3 }), 1).repetitionPenalty).toBe(1.3);
    expect(samplingOf(accepted({ top_k: -1 }), 1).topK).toBe(0);
    expect(samplingOf(accepted({ seed: 0 }), 1).seed).toBe(0);
    expect(maxTokensOf(accepted({ max_completion_tokens: 3, max_tokens: 3 }))).toBe(3);
    expect(accepted({ stop: 'x' }).stop).toEqual(['x']);
    expect(messagesOf(accepted({ messages: [{ role: 'developer', content: 'a' }] }))).toEqual([
      { role: 'system', content: 'a' },
    ]);
  });

  it('refuses two names of one thing that contradict each other', () => {
    expect(refused({ max_tokens: 3, max_completion_tokens: 4 })).toBe('max_completion_tokens');
    expect(refused({ repetition_penalty: 1, repeat_penalty: 2 })).toBe('repeat_penalty');
  });

  it('refuses half a character, which could only be answered as another one', () => {
    const message = (content: unknown): object => ({ messages: [{ role: 'user', content }] });
    expect(refused(message('a\ud800'))).toBe('messages.0.content');
    expect(refused(message([{ type: 'text', text: '\udc36' }]))).toBe('messages.0.content.0.text');
    expect(refused({ stop: '\ud83d' })).toBe('stop');
    expect(refused({ stop: ['a', '\ud83d'] })).toBe('stop.1');
    accepted(message('\ud83d\udc36'));
  });

  it('says how many stop texts there may be', () => {
    const read = readChatRequest({ ...plain, stop: ['a', 'b', 'c', 'd', 'e'] });
    expect('fault' in read && read.fault.message).toMatch(/<=4 items/);
  });

  it('refuses a body that is no object', () => {
    for (const body of [null, undefined, 'text', [], 3])
      expect(readChatRequest(body)).toMatchObject({ fault: { param: null } });
  });
});
