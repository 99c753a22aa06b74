import { runInNewContext } from 'node:vm';
import { Template } from '@huggingface/jinja';
import { z } from 'zod';
import { AppError } from '../../contract/error.ts';
import type { Message } from '../../contract/sampling.ts';
import { readJsonFile, readTextFile } from '../read-json.ts';

/** The longest published templates, with tool calls and all, have some 20 kB. */
const MAX_TEMPLATE_BYTES = 256 * 1024;

/** Rendering takes a few milliseconds; a template is code from the internet and may loop. */
const RENDER_TIMEOUT_MS = 2_000;

/** `tokenizer_config.json` holds one template, or a list of named ones. */
const templatesSchema = z.union([
  z.string(),
  z.array(z.object({ name: z.string(), template: z.string() })),
]);

/** The special tokens that templates refer to by name. */
export type TemplateTokens = Readonly<Record<string, string>>;

export interface ChatTemplate {
  /**
   * The text that makes the model answer `messages`.
   *
   * @throws AppError `invalid-input` when the template refuses the conversation, `malformed-file` when it is broken
   */
  readonly render: (messages: readonly Message[]) => string;
}

async function readTemplateSource(
  directory: string,
  tokenizerConfig: Readonly<Record<string, unknown>>,
): Promise<string | null> {
  // Newer transformers keep the template in a file of its own, which wins over the one in the configuration.
  const own = await readTextFile(directory, 'chat_template.jinja', MAX_TEMPLATE_BYTES);
  if (own !== null) return own;
  const inJson = await readJsonFile(directory, 'chat_template.json');
  const found =
    typeof inJson === 'object' && inJson !== null && 'chat_template' in inJson
      ? inJson.chat_template
      : tokenizerConfig['chat_template'];
  const parsed = templatesSchema.safeParse(found);
  if (!parsed.success) return null;
  if (typeof parsed.data === 'string') return parsed.data;
  const named = parsed.data.find(({ name }) => name === 'default') ?? parsed.data[0];
  return named?.template ?? null;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').slice(0, 300);
}

/** Runs the template on a watched clock: V8 ends it where it stands when the time is over. */
function renderInTime(template: Template, variables: Record<string, unknown>): string {
  return runInNewContext(
    'render()',
    { render: () => template.render(variables) },
    { timeout: RENDER_TIMEOUT_MS },
  ) as string;
}

/** The error of an overrun belongs to the other context, whose Error is not ours. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}

/** Some templates know no system role; the instructions then open the first question. */
function withoutSystemRole(messages: readonly Message[]): readonly Message[] | null {
  const [system, first, ...rest] = messages;
  if (system?.role !== 'system' || first?.role !== 'user') return null;
  return [{ role: 'user', content: `${system.content}\n\n${first.content}` }, ...rest];
}

/**
 * Reads the chat template of a model folder.
 *
 * @param tokens bos_token, eos_token and the like
 * @returns null when the folder has none
 * @throws AppError `malformed-file` when it is too long or does not parse
 */
export async function loadChatTemplate(
  directory: string,
  tokenizerConfig: Readonly<Record<string, unknown>>,
  tokens: TemplateTokens,
): Promise<ChatTemplate | null> {
  const source = await readTemplateSource(directory, tokenizerConfig);
  if (source === null) return null;
  const broken = (error: unknown): AppError =>
    new AppError(
      'malformed-file',
      `The chat template in ${directory} is broken: ${firstLine(error)}.`,
      { cause: error },
    );
  if (Buffer.byteLength(source) > MAX_TEMPLATE_BYTES)
    throw broken(new Error(`it has more than ${MAX_TEMPLATE_BYTES} bytes`));
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw broken(error);
  }
  const attempt = (messages: readonly Message[]): string =>
    renderInTime(template, { ...tokens, messages, add_generation_prompt: true });
  return {
    render: (messages) => {
      try {
        return attempt(messages);
      } catch (error) {
        if (isTimeout(error))
          throw broken(new Error(`it ran for more than ${RENDER_TIMEOUT_MS} ms`));
        const merged = withoutSystemRole(messages);
        try {
          if (merged !== null) return attempt(merged);
        } catch {
          // The first refusal is about what the person wrote; this one is about our rewriting of it.
        }
        throw new AppError(
          'invalid-input',
          `The model's chat template does not take this conversation: ${firstLine(error)}.`,
          { cause: error },
        );
      }
    },
  };
}
