import { specialTokenText } from '../generation-config.ts';
import { readJsonFile } from '../read-json.ts';

const SPECIAL_TOKENS_FILE = 'special_tokens_map.json';

/** The special tokens that templates refer to by name: bos_token, eos_token and the like. */
export type TemplateTokens = Readonly<Record<string, string>>;

/** Tokens that a tokenizer's class brings where its configuration does not mention them, as in transformers. */
const ofClass: Readonly<Record<string, TemplateTokens>> = {
  CodeGenTokenizer: {
    bos_token: '<|endoftext|>',
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
  },
  CohereTokenizer: {
    bos_token: '<BOS_TOKEN>',
    eos_token: '<|END_OF_TURN_TOKEN|>',
    unk_token: '<UNK>',
    pad_token: '<PAD>',
  },
  GPT2Tokenizer: {
    bos_token: '<|endoftext|>',
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
  },
  GemmaTokenizer: {
    bos_token: '<bos>',
    eos_token: '<eos>',
    unk_token: '<unk>',
    pad_token: '<pad>',
  },
  LlamaTokenizer: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
  Qwen2Tokenizer: {
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
    pad_token: '<|endoftext|>',
  },
};

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What `from` says of special tokens: `x_token` entries, and those of a dict of extra ones. */
function tokensIn(from: Readonly<Record<string, unknown>>): Map<string, string | null> {
  const found = new Map<string, string | null>();
  const extra = from['extra_special_tokens'];
  for (const [name, value] of [
    ...Object.entries(from),
    ...Object.entries(isRecord(extra) ? extra : {}),
  ]) {
    const text = specialTokenText(value);
    if (
      text !== null &&
      (name.endsWith('_token') || (isRecord(extra) && Object.hasOwn(extra, name)))
    )
      found.set(name, text);
    // Said to be none: the class's own does not hold then.
    else if (value === null && name.endsWith('_token')) found.set(name, null);
  }
  return found;
}

/**
 * Reads the names of a model's special tokens as transformers does: `special_tokens_map.json` wins over
 * `tokenizer_config.json`, but is not looked at where that one lists its added tokens.
 *
 * @throws AppError `malformed-file` when special_tokens_map.json is not JSON
 */
export async function readSpecialTokens(
  directory: string,
  tokenizerConfig: Readonly<Record<string, unknown>>,
): Promise<TemplateTokens> {
  const className = tokenizerConfig['tokenizer_class'];
  const inherited =
    typeof className === 'string' ? ofClass[className.replace(/Fast$/, '')] : undefined;
  const found = new Map<string, string | null>(Object.entries(inherited ?? {}));
  for (const [name, text] of tokensIn(tokenizerConfig)) found.set(name, text);
  if (!isRecord(tokenizerConfig['added_tokens_decoder'])) {
    const map = await readJsonFile(directory, SPECIAL_TOKENS_FILE);
    if (isRecord(map)) for (const [name, text] of tokensIn(map)) found.set(name, text);
  }
  const tokens: Record<string, string> = {};
  for (const [name, text] of found) if (text !== null) tokens[name] = text;
  return tokens;
}
