import { z } from 'zod';
import { AppError, because } from '../../contract/error.ts';
import type { Message } from '../../contract/sampling.ts';
import { readJsonFile, readTextFile } from '../read-json.ts';
import { TemplateFailure } from './failure.ts';
import type { TemplateTokens } from './special-tokens.ts';
import { compileTemplate, type Data, type RenderOptions, type Template } from './template.ts';

/** The longest published templates, with tool calls and all, have some 20 kB. */
const MAX_TEMPLATE_BYTES = 256 * 1024;

/** Characters of what a template says itself when it refuses: they are shown. */
const MAX_DETAIL = 300;

/** One template, or several with names, as `tokenizer_config.json` has them. */
const templatesSchema = z.union([
  z.string(),
  z
    .array(z.object({ name: z.string(), template: z.string() }))
    .transform((list) => new Map(list.map(({ name, template }) => [name, template]))),
  z.record(z.string(), z.string()).transform((named) => new Map(Object.entries(named))),
]);
type Templates = z.output<typeof templatesSchema>;

/** What a template is given beside the conversation. */
export interface TemplateInput {
  /** Descriptions of functions, as JSON schemas. */
  readonly tools?: readonly Data[] | null;
  readonly documents?: readonly Data[] | null;
  /** Whether the text ends where the answer begins; it does unless told otherwise. */
  readonly addGenerationPrompt?: boolean;
  /** Further names, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, Data>>;
}

export interface ChatTemplate {
  /**
   * The text that makes the model answer `messages`.
   *
   * @throws AppError `invalid-input` when the template refuses the conversation, `malformed-file` when it does not parse,
   * fails, or passes a limit
   */
  readonly render: (messages: readonly Message[], input?: TemplateInput) => string;
}

async function readTemplates(
  directory: string,
  tokenizerConfig: Readonly<Record<string, unknown>>,
): Promise<Templates | null> {
  // Newer transformers keep the template in a file of its own, which wins over the one in the configuration.
  const own = await readTextFile(directory, 'chat_template.jinja');
  if (own !== null) return own;
  const inJson = await readJsonFile(directory, 'chat_template.json');
  const found =
    typeof inJson === 'object' && inJson !== null && 'chat_template' in inJson
      ? inJson.chat_template
      : tokenizerConfig['chat_template'];
  const parsed = templatesSchema.safeParse(found);
  return parsed.success ? parsed.data : null;
}

/** What a person is told of a template that gave no text. */
function explained(failure: TemplateFailure): AppError {
  const detail = Array.from(failure.message).slice(0, MAX_DETAIL).join('');
  const line = failure.line ?? 0;
  const options = {
    cause: failure,
    remedy: 'Look for a newer version of the model, whose template may be mended.',
  };
  if (failure.kind === 'refused')
    return new AppError(
      'invalid-input',
      `The model's chat template refuses this conversation: ${detail}`,
      because('chat-template-refused', { detail }, { cause: failure }),
    );
  if (failure.kind === 'syntax')
    return new AppError(
      'malformed-file',
      `The model's chat template cannot be read, line ${line}: ${detail}`,
      because('chat-template-syntax', { line, detail }, options),
    );
  if (failure.kind === 'limit')
    return new AppError(
      'malformed-file',
      `The model's chat template uses too much (${failure.limit ?? 'steps'}), line ${line}.`,
      because('chat-template-limit', { limit: failure.limit ?? 'steps', line }, options),
    );
  return new AppError(
    'malformed-file',
    `The model's chat template fails in line ${line}: ${detail}`,
    because('chat-template-failed', { line, detail }, options),
  );
}

function compile(source: string): Template {
  const bytes = Buffer.byteLength(source);
  if (bytes <= MAX_TEMPLATE_BYTES) return compileTemplate(source);
  throw new TemplateFailure('limit', `it has ${bytes} bytes`, { limit: 'source', line: 1 });
}

/** Which of several templates is meant, as transformers chooses. @throws AppError `malformed-file` when none is */
function choose(templates: Templates, hasTools: boolean): string {
  if (typeof templates === 'string') return templates;
  const found = (hasTools ? templates.get('tool_use') : undefined) ?? templates.get('default');
  if (found !== undefined) return found;
  const names = [...templates.keys()].sort().join(', ').slice(0, MAX_DETAIL);
  throw new AppError(
    'malformed-file',
    `The model has several chat templates and none is the default: ${names}.`,
    because('chat-template-ambiguous', { names }),
  );
}

/** Some templates know no system role; the instructions then open the first question. */
function withoutSystemRole(messages: readonly Message[]): readonly Message[] | null {
  const [system, first, ...rest] = messages;
  if (system?.role !== 'system' || first?.role !== 'user') return null;
  return [{ role: 'user', content: `${system.content}\n\n${first.content}` }, ...rest];
}

function renderer(
  templates: Templates,
  tokens: TemplateTokens,
  options: RenderOptions,
): ChatTemplate['render'] {
  const compiled = new Map<string, Template>();
  return (
    messages,
    { tools = null, documents = null, addGenerationPrompt = true, variables = {} } = {},
  ) => {
    const source = choose(templates, tools !== null);
    const attempt = (conversation: readonly Message[]): string => {
      const template = compiled.get(source) ?? compile(source);
      compiled.set(source, template);
      return template.render(
        {
          ...tokens,
          ...variables,
          messages: conversation.map((message) => ({ ...message })),
          tools,
          documents,
          add_generation_prompt: addGenerationPrompt,
        },
        options,
      );
    };
    try {
      return attempt(messages);
    } catch (error) {
      if (!(error instanceof TemplateFailure)) throw error;
      const merged = withoutSystemRole(messages);
      const mayHelp = error.kind === 'refused' || error.kind === 'failed';
      try {
        if (merged !== null && mayHelp) return attempt(merged);
      } catch {
        // The first failure is about what the person wrote; this one is about our rewriting of it.
      }
      throw explained(error);
    }
  };
}

/**
 * Reads the chat template of a model folder. One that cannot be used fails when it is rendered: raw token ids and
 * measurements do not need it.
 *
 * @param tokens bos_token, eos_token and the like
 * @returns null when the folder has none
 */
export async function loadChatTemplate(
  directory: string,
  tokenizerConfig: Readonly<Record<string, unknown>>,
  tokens: TemplateTokens,
  options: RenderOptions = {},
): Promise<ChatTemplate | null> {
  try {
    const templates = await readTemplates(directory, tokenizerConfig);
    return templates === null ? null : { render: renderer(templates, tokens, options) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return {
      render: () => {
        throw error;
      },
    };
  }
}
