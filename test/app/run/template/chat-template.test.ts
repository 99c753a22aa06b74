import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../../../app/contract/sampling.ts';
import { defaultLimits } from '../../../../app/run/template/budget.ts';
import { loadChatTemplate, type ChatTemplate } from '../../../../app/run/template/chat-template.ts';
import type { RenderOptions } from '../../../../app/run/template/template.ts';
import { scratchFolder } from '../../../fixtures/scratch.ts';

const tokens = { bos_token: '<s>', eos_token: '</s>' };

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });
const system = (content: string): Message => ({ role: 'system', content });

async function template(source: string, options: RenderOptions = {}): Promise<ChatTemplate> {
  const directory = await scratchFolder();
  await writeFile(path.join(directory, 'chat_template.jinja'), source);
  const loaded = await loadChatTemplate(directory, {}, tokens, options);
  if (loaded === null) throw new Error('no template');
  return loaded;
}

describe('a chat template', () => {
  const source =
    '{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}';

  it('is rendered with the messages, the special tokens and a start for the answer', async () => {
    const { render } = await template(source);
    expect(render([system('Be brief.'), user('Hi'), assistant('Hello'), user('{{ 7 * 7 }}')])).toBe(
      '<s>[system]Be brief.</s>[user]Hi</s>[assistant]Hello</s>[user]{{ 7 * 7 }}</s>[assistant]',
    );
  });

  it('may lie in tokenizer_config.json, alone or named, or in chat_template.json', async () => {
    const directory = await scratchFolder();
    const load = (config: Record<string, unknown>): Promise<ChatTemplate | null> =>
      loadChatTemplate(directory, config, tokens);
    expect(await load({})).toBeNull();
    expect(await load({ chat_template: null })).toBeNull();
    expect((await load({ chat_template: 'one' }))?.render([user('x')])).toBe('one');
    const named = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: 'plain' },
    ];
    expect((await load({ chat_template: named }))?.render([user('x')])).toBe('plain');
    await writeFile(path.join(directory, 'chat_template.json'), '{"chat_template": "json"}');
    expect((await load({ chat_template: 'one' }))?.render([user('x')])).toBe('json');
    await writeFile(path.join(directory, 'chat_template.jinja'), 'jinja');
    expect((await load({ chat_template: 'one' }))?.render([user('x')])).toBe('jinja');
  });

  it('may refuse a conversation in its own words', async () => {
    const { render } = await template(
      "{% if messages[0].role != 'user' %}{{ raise_exception('Start with a question') }}{% endif %}ok",
    );
    expect(render([user('x')])).toBe('ok');
    expect(() => render([assistant('x')])).toThrow(/Start with a question/);
  });

  it('gets the instructions with the first question where it knows no system role', async () => {
    const { render } = await template(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ m.content }}{% endfor %}",
    );
    expect(render([system('Be brief.'), user('Hi')])).toBe('Be brief.\n\nHi');
  });

  it('shows what it is given beside the conversation, and none where there is none', async () => {
    const { render } = await template(
      '{{ tools }} {{ documents }} {{ add_generation_prompt }} {{ thinking is defined }}',
    );
    expect(render([user('x')])).toBe('None None True False');
    const input = {
      tools: [{ n: 1.5 }],
      addGenerationPrompt: false,
      variables: { thinking: true },
    };
    expect(render([user('x')], input)).toBe("[{'n': 1.5}] None False True");
  });

  it('tells the time when it is asked', async () => {
    const { render } = await template("{{ strftime_now('%-d %B %Y, %A') }}", {
      now: () => new Date(2026, 1, 3),
    });
    expect(render([user('x')])).toBe('3 February 2026, Tuesday');
  });

  it('keeps the indentation of code in an answer whose thoughts are cut off', async () => {
    const { render } = await template(
      "{{ messages[0].content.split('</think>')[-1].lstrip('\\n') }}",
    );
    expect(render([assistant('<think>so</think>\n\n    return x\n')])).toBe('    return x\n');
  });

  it('is the default of several; several without a default are refused with their names', async () => {
    const load = async (templates: unknown): Promise<ChatTemplate | null> =>
      loadChatTemplate(await scratchFolder(), { chat_template: templates }, tokens);
    const named = [
      { name: 'tool_use', template: 'tools' },
      { name: 'rag', template: 'documents' },
    ];
    const ambiguous = await load(named);
    expect(() => ambiguous?.render([user('x')])).toThrow(
      expect.objectContaining({
        code: 'malformed-file',
        reason: 'chat-template-ambiguous',
        facts: { names: 'rag, tool_use' },
      }),
    );
    expect(ambiguous?.render([user('x')], { tools: [] })).toBe('tools');
    expect((await load({ default: 'plain', rag: 'documents' }))?.render([user('x')])).toBe('plain');
  });

  it.each([
    ['{% for %}', { code: 'malformed-file', reason: 'chat-template-syntax', facts: { line: 1 } }],
    ['a\n{{ 1 +', { code: 'malformed-file', reason: 'chat-template-syntax', facts: { line: 2 } }],
    [
      'a\n{{ messages[0].nope.x }}',
      { code: 'malformed-file', reason: 'chat-template-failed', facts: { line: 2 } },
    ],
    [
      "{% include 'other' %}",
      { code: 'malformed-file', reason: 'chat-template-failed', facts: { line: 1 } },
    ],
    [
      "{{ raise_exception('No.') }}",
      { code: 'invalid-input', reason: 'chat-template-refused', facts: { detail: 'No.' } },
    ],
    [
      '{% for a in range(9999) %}{% for b in range(9999) %}\n{% endfor %}{% endfor %}',
      { code: 'malformed-file', reason: 'chat-template-limit', facts: { limit: 'steps' } },
    ],
    [
      'x'.repeat(300_000),
      { code: 'malformed-file', reason: 'chat-template-limit', facts: { limit: 'source' } },
    ],
  ])('fails when it is rendered, not before, and says how: %#', async (source, error) => {
    const { render } = await template(source, { limits: { ...defaultLimits, steps: 10_000 } });
    const expected: unknown = expect.objectContaining({
      ...error,
      facts: expect.objectContaining(error.facts) as unknown,
    });
    expect(() => render([user('x')])).toThrow(expected);
  });
});
