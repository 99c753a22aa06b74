import { z } from 'zod';
import type {
  AddedToken,
  DecoderDefinition,
  ModelDefinition,
  NormalizerDefinition,
  Pattern,
  PostProcessorDefinition,
  PreTokenizerDefinition,
  TemplateItem,
  TokenizerDefinition,
  Vocabulary,
} from './definition.ts';
import { MAX_COMPONENTS } from './limits.ts';

/** tokenizer.json as the tokenizers package writes it, and as its earlier versions did. */

const flag = (value: boolean): z.ZodType<boolean> =>
  z
    .boolean()
    .nullish()
    .transform((given) => given ?? value);

const character = z
  .string()
  .refine((text) => Array.from(text).length === 1, 'is not one character');

const patternSchema = z.union([
  z
    .object({ String: z.string() })
    .transform(({ String: text }): Pattern => ({ kind: 'text', text })),
  z
    .object({ Regex: z.string() })
    .transform(({ Regex: source }): Pattern => ({ kind: 'regex', source })),
]);

/** How deep sequences may lie in sequences. */
const MAX_DEPTH = 8;

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RangeError(`${what} is not an object`);
  return value as Json;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new RangeError(`${what} is not a list`);
  return value;
}

/** Reads components one by one and counts them: each costs time with every text. */
class ComponentReader {
  #count = 0;

  parts<T>(
    value: unknown,
    what: string,
    depth: number,
    read: (part: Json, depth: number) => T,
  ): T[] {
    if (depth >= MAX_DEPTH) throw new RangeError(`${what} is nested too deep`);
    return list(value, what).map((part) => {
      if (++this.#count > MAX_COMPONENTS) throw new RangeError(`${what} has too many steps`);
      return read(object(part, what), depth + 1);
    });
  }
}

function unknownComponent(what: string, type: unknown): RangeError {
  const name = typeof type === 'string' ? type.slice(0, 100) : 'without a name';
  return new RangeError(`the ${what} ${name} is unknown`);
}

const replaceSchema = z.object({ pattern: patternSchema, content: z.string() });

const bertNormalizerSchema = z.object({
  clean_text: flag(true),
  handle_chinese_chars: flag(true),
  // Accents go with upper case, unless it is said.
  strip_accents: z.boolean().nullish(),
  lowercase: flag(true),
});

/** @throws RangeError or ZodError */
function readNormalizer(json: Json, components: ComponentReader, depth = 0): NormalizerDefinition {
  const { type } = json;
  switch (type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
    case 'Lowercase':
    case 'Nmt':
    case 'StripAccents':
    case 'ByteLevel':
      return { type };
    case 'Prepend':
      return { type, ...z.object({ prepend: z.string() }).parse(json) };
    case 'Replace':
      return { type, ...replaceSchema.parse(json) };
    case 'Strip': {
      const { strip_left, strip_right } = z
        .object({ strip_left: flag(true), strip_right: flag(true) })
        .parse(json);
      return { type, left: strip_left, right: strip_right };
    }
    case 'BertNormalizer': {
      const parsed = bertNormalizerSchema.parse(json);
      return {
        type,
        cleanText: parsed.clean_text,
        handleChineseChars: parsed.handle_chinese_chars,
        stripAccents: parsed.strip_accents ?? parsed.lowercase,
        lowercase: parsed.lowercase,
      };
    }
    case 'Precompiled': {
      const { precompiled_charsmap } = z.object({ precompiled_charsmap: z.string() }).parse(json);
      return { type, charsmap: Buffer.from(precompiled_charsmap, 'base64') };
    }
    case 'Sequence':
      return {
        type,
        normalizers: components.parts(
          json['normalizers'],
          'the normalizer',
          depth,
          (part, deeper) => readNormalizer(part, components, deeper),
        ),
      };
    default:
      throw unknownComponent('normalizer', type);
  }
}

const behaviorSchema = z.enum([
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
]);

const metaspaceSchema = z
  .object({
    replacement: character,
    add_prefix_space: z.boolean().nullish(),
    prepend_scheme: z.enum(['always', 'first', 'never']).nullish(),
    split: flag(true),
  })
  .transform(({ replacement, add_prefix_space, prepend_scheme, split }) => ({
    replacement,
    prependScheme: add_prefix_space === false ? ('never' as const) : (prepend_scheme ?? 'always'),
    split,
  }));

/** @throws RangeError or ZodError */
function readPreTokenizer(
  json: Json,
  components: ComponentReader,
  depth = 0,
): PreTokenizerDefinition {
  const { type } = json;
  switch (type) {
    case 'BertPreTokenizer':
    case 'Whitespace':
    case 'WhitespaceSplit':
    case 'UnicodeScripts':
      return { type };
    case 'ByteLevel': {
      const parsed = z.object({ add_prefix_space: flag(true), use_regex: flag(true) }).parse(json);
      return { type, addPrefixSpace: parsed.add_prefix_space, useRegex: parsed.use_regex };
    }
    case 'CharDelimiterSplit':
      return { type, ...z.object({ delimiter: character }).parse(json) };
    case 'Digits':
      return {
        type,
        individualDigits: z.object({ individual_digits: flag(false) }).parse(json)
          .individual_digits,
      };
    case 'FixedLength':
      return { type, ...z.object({ length: z.int().positive().default(5) }).parse(json) };
    case 'Metaspace':
      return { type, ...metaspaceSchema.parse(json) };
    case 'Punctuation':
      return { type, ...z.object({ behavior: behaviorSchema.default('Isolated') }).parse(json) };
    case 'Split':
      return {
        type,
        ...z
          .object({ pattern: patternSchema, behavior: behaviorSchema, invert: flag(false) })
          .parse(json),
      };
    case 'Sequence':
      return {
        type,
        preTokenizers: components.parts(
          json['pretokenizers'],
          'the pre-tokenizer',
          depth,
          (part, deeper) => readPreTokenizer(part, components, deeper),
        ),
      };
    default:
      throw unknownComponent('pre-tokenizer', type);
  }
}

const tokenId = z.int().nonnegative();
const pairSchema = z.tuple([z.string(), tokenId]);
const templateItemSchema = z.union([
  z.object({ SpecialToken: z.object({ id: z.string() }) }),
  z.object({ Sequence: z.object({ id: z.string() }) }),
]);
const templateSchema = z.object({
  single: z.array(templateItemSchema).max(MAX_COMPONENTS),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(tokenId).max(MAX_COMPONENTS) })),
});

function readTemplate(json: Json): TemplateItem[] {
  const { single, special_tokens: tokens } = templateSchema.parse(json);
  // Templates in a row that each repeat the text would fill the memory.
  if (single.filter((item) => 'Sequence' in item).length > 1)
    throw new RangeError('the template repeats the text');
  return single.map((item) => {
    if ('Sequence' in item) return null;
    const { id } = item.SpecialToken;
    const token = Object.hasOwn(tokens, id) ? tokens[id] : undefined;
    if (token === undefined)
      throw new RangeError(
        `the template has the special token ${id.slice(0, 100)}, which is not listed`,
      );
    return token.ids;
  });
}

/** @throws RangeError or ZodError */
function readPostProcessor(
  json: Json,
  components: ComponentReader,
  depth = 0,
): PostProcessorDefinition {
  const { type } = json;
  switch (type) {
    case 'ByteLevel':
      // It moves offsets only.
      return { type: 'Sequence', processors: [] };
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const { sep, cls } = z.object({ sep: pairSchema, cls: pairSchema }).parse(json);
      return { type: 'Template', items: [[cls[1]], null, [sep[1]]] };
    }
    case 'TemplateProcessing':
      return { type: 'Template', items: readTemplate(json) };
    case 'Sequence':
      return {
        type,
        processors: components.parts(
          json['processors'],
          'the post-processor',
          depth,
          (part, deeper) => readPostProcessor(part, components, deeper),
        ),
      };
    default:
      throw unknownComponent('post-processor', type);
  }
}

/** @throws RangeError or ZodError */
function readDecoder(json: Json, components: ComponentReader, depth = 0): DecoderDefinition {
  const { type } = json;
  switch (type) {
    case 'ByteLevel':
    case 'ByteFallback':
    case 'Fuse':
      return { type };
    case 'BPEDecoder':
      return { type, ...z.object({ suffix: z.string().default('</w>') }).parse(json) };
    case 'CTC': {
      const parsed = z
        .object({
          pad_token: z.string().default('<pad>'),
          word_delimiter_token: z.string().default('|'),
          cleanup: flag(true),
        })
        .parse(json);
      return {
        type,
        padToken: parsed.pad_token,
        wordDelimiterToken: parsed.word_delimiter_token,
        cleanup: parsed.cleanup,
      };
    }
    case 'Metaspace': {
      const { replacement, prependScheme } = metaspaceSchema.parse(json);
      return { type, replacement, prependScheme };
    }
    case 'Replace':
      return { type, ...replaceSchema.parse(json) };
    case 'Strip':
      return {
        type,
        ...z
          .object({ content: character, start: z.int().nonnegative(), stop: z.int().nonnegative() })
          .parse(json),
      };
    case 'WordPiece':
      return {
        type,
        ...z.object({ prefix: z.string().default('##'), cleanup: flag(true) }).parse(json),
      };
    case 'Sequence':
      return {
        type,
        decoders: components.parts(json['decoders'], 'the decoder', depth, (part, deeper) =>
          readDecoder(part, components, deeper),
        ),
      };
    default:
      throw unknownComponent('decoder', type);
  }
}

/** The entries of a vocabulary; ids are checked where the model takes them. */
function readVocabulary(value: unknown): Vocabulary {
  const ids = object(value, 'the vocabulary');
  return (visit) => {
    for (const token of Object.keys(ids)) visit(token, Number(ids[token]));
  };
}

/** The pairs are checked where the model takes them. */
function readMerges(value: unknown): readonly unknown[] {
  const merges = list(value, 'the list of merges');
  // Early files begin with a comment, as merges.txt does.
  const first = merges[0];
  return typeof first === 'string' && first.startsWith('#version') ? merges.slice(1) : merges;
}

function readPieces(value: unknown): [string, number][] {
  return list(value, 'the vocabulary').map((piece) => {
    if (!Array.isArray(piece) || typeof piece[0] !== 'string' || typeof piece[1] !== 'number')
      throw new RangeError('a piece of the vocabulary is not a text with a score');
    return [piece[0], piece[1]];
  });
}

/** Files of earlier versions leave the type out. */
function modelType(json: Json): unknown {
  if (json['type'] !== undefined) return json['type'];
  if (Array.isArray(json['vocab'])) return 'Unigram';
  if ('merges' in json) return 'BPE';
  return 'max_input_chars_per_word' in json ? 'WordPiece' : 'WordLevel';
}

const bpeSchema = z.object({
  unk_token: z.string().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
  fuse_unk: flag(false),
  byte_fallback: flag(false),
  ignore_merges: flag(false),
});

function readModel(json: Json): ModelDefinition {
  const type = modelType(json);
  const { vocab, merges, ...settings } = json;
  switch (type) {
    case 'BPE': {
      const parsed = bpeSchema.parse(settings);
      return {
        type,
        vocabulary: readVocabulary(vocab),
        merges: readMerges(merges),
        unknownToken: parsed.unk_token ?? null,
        continuingSubwordPrefix: parsed.continuing_subword_prefix ?? null,
        endOfWordSuffix: parsed.end_of_word_suffix ?? null,
        fuseUnknown: parsed.fuse_unk,
        byteFallback: parsed.byte_fallback,
        ignoreMerges: parsed.ignore_merges,
      };
    }
    case 'Unigram': {
      const parsed = z
        .object({ unk_id: tokenId.nullish(), byte_fallback: flag(false) })
        .parse(settings);
      return {
        type,
        pieces: readPieces(vocab),
        unknownId: parsed.unk_id ?? null,
        byteFallback: parsed.byte_fallback,
      };
    }
    case 'WordPiece': {
      const parsed = z
        .object({
          unk_token: z.string().default('[UNK]'),
          continuing_subword_prefix: z.string().default('##'),
          max_input_chars_per_word: z.int().nonnegative().default(100),
        })
        .parse(settings);
      return {
        type,
        vocabulary: readVocabulary(vocab),
        unknownToken: parsed.unk_token,
        continuingSubwordPrefix: parsed.continuing_subword_prefix,
        maxInputCharsPerWord: parsed.max_input_chars_per_word,
      };
    }
    case 'WordLevel':
      return {
        type,
        vocabulary: readVocabulary(vocab),
        unknownToken: z.object({ unk_token: z.string().default('<unk>') }).parse(settings)
          .unk_token,
      };
    default:
      throw unknownComponent('model', type);
  }
}

const addedTokenSchema = z
  .object({
    // Not used, since the package gives ids itself, but a token without one is no added token.
    id: tokenId,
    content: z.string().min(1),
    single_word: flag(false),
    lstrip: flag(false),
    rstrip: flag(false),
    normalized: z.boolean().nullish(),
    special: flag(false),
  })
  .transform((token): AddedToken => ({
    content: token.content,
    singleWord: token.single_word,
    leftStrip: token.lstrip,
    rightStrip: token.rstrip,
    normalized: token.normalized ?? !token.special,
    special: token.special,
  }));

function component<T>(
  value: unknown,
  what: string,
  read: (json: Json, components: ComponentReader) => T,
): T | null {
  if (value === null || value === undefined) return null;
  return read(object(value, what), new ComponentReader());
}

/**
 * Reads what tokenizer.json holds.
 *
 * @throws RangeError or ZodError for what is no tokenizer, or has components that nobody knows
 */
export function readTokenizerDefinition(json: unknown): TokenizerDefinition {
  const file = object(json, 'the file');
  return {
    addedTokens: list(file['added_tokens'] ?? [], 'the list of added tokens').map((token) =>
      addedTokenSchema.parse(token),
    ),
    normalizer: component(file['normalizer'], 'the normalizer', readNormalizer),
    preTokenizer: component(file['pre_tokenizer'], 'the pre-tokenizer', readPreTokenizer),
    model: readModel(object(file['model'], 'the model')),
    postProcessor: component(file['post_processor'], 'the post-processor', readPostProcessor),
    decoder: component(file['decoder'], 'the decoder', readDecoder),
  };
}
