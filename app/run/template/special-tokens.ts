import { specialTokenText } from '../generation-config.ts';
import { readJsonFile, readTextFile } from '../read-json.ts';
import { MAX_TOKENIZER_BYTES, TOKENIZER_FILE } from '../tokenizer/files.ts';

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
  CodeLlamaTokenizer: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
  GPT2Tokenizer: {
    bos_token: '<|endoftext|>',
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
  },
  GPTNeoXTokenizer: {
    bos_token: '<|endoftext|>',
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
    pad_token: '<|padding|>',
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

/** The class of a model type whose files name none. */
const classOfModelType: Readonly<Record<string, string>> = {
  qwen2: 'Qwen2Tokenizer',
  qwen3: 'Qwen2Tokenizer',
};
/** Model types whose files name a wrong class too often: their own counts, and Mistral's has no tokens of its own. */
const NAMES_WRONG_CLASS: ReadonlySet<unknown> = new Set(['mistral', 'qwen2']);

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

/** What the class of a model's tokenizer brings, chosen as transformers chooses the class; nothing for an unknown one. */
async function tokensOfClass(
  directory: string,
  tokenizerConfig: Readonly<Record<string, unknown>>,
): Promise<TemplateTokens> {
  const json = await readJsonFile(directory, 'config.json');
  const config = isRecord(json) ? json : {};
  const { model_type: modelType } = config;
  const own = typeof modelType === 'string' ? classOfModelType[modelType] : undefined;
  const stated = tokenizerConfig['tokenizer_class'] ?? config['tokenizer_class'];
  const chosen = NAMES_WRONG_CLASS.has(modelType) ? own : (stated ?? own);
  const className = typeof chosen === 'string' ? chosen.replace(/Fast$/, '') : '';
  const tokens = Object.hasOwn(ofClass, className) ? ofClass[className] : undefined;
  // Llama 3 and its kin call themselves Llama and are another tokenizer altogether.
  if (tokens === undefined || (className === 'LlamaTokenizer' && (await isByteLevel(directory))))
    return {};
  return tokens;
}

async function isByteLevel(directory: string): Promise<boolean> {
  const text = await readTextFile(directory, TOKENIZER_FILE, MAX_TOKENIZER_BYTES);
  return text?.includes('"ByteLevel"') === true;
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
  const inherited = await tokensOfClass(directory, tokenizerConfig);
  const found = new Map<string, string | null>(Object.entries(inherited));
  for (const [name, text] of tokensIn(tokenizerConfig)) found.set(name, text);
  if (!isRecord(tokenizerConfig['added_tokens_decoder'])) {
    const map = await readJsonFile(directory, SPECIAL_TOKENS_FILE);
    if (isRecord(map)) for (const [name, text] of tokensIn(map)) found.set(name, text);
  }
  const tokens: Record<string, string> = {};
  for (const [name, text] of found) if (text !== null) tokens[name] = text;
  return tokens;
}
