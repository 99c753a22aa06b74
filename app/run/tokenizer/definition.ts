/**
 * A tokenizer as data: what tokenizer.json holds, in the types that the components of this folder take. Any other source
 * of tokenizers (the metadata of a GGUF file) makes one of these.
 */

/** What is searched for: a text as it is, or a regular expression in Oniguruma's syntax. */
export type Pattern =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'regex'; readonly source: string };

export type NormalizerDefinition =
  | { readonly type: 'NFC' | 'NFD' | 'NFKC' | 'NFKD' | 'Lowercase' | 'Nmt' | 'StripAccents' }
  | { readonly type: 'ByteLevel' }
  | { readonly type: 'Prepend'; readonly prepend: string }
  | { readonly type: 'Replace'; readonly pattern: Pattern; readonly content: string }
  | { readonly type: 'Strip'; readonly left: boolean; readonly right: boolean }
  | {
      readonly type: 'BertNormalizer';
      readonly cleanText: boolean;
      readonly handleChineseChars: boolean;
      readonly stripAccents: boolean;
      readonly lowercase: boolean;
    }
  /** SentencePiece's own table of replacements: a trie and the texts it points to. */
  | { readonly type: 'Precompiled'; readonly charsmap: Uint8Array }
  | { readonly type: 'Sequence'; readonly normalizers: readonly NormalizerDefinition[] };

export type SplitBehavior =
  'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

/** Where SentencePiece puts its replacement for a space: before every part of a text, the first one, or none. */
export type PrependScheme = 'always' | 'first' | 'never';

export type PreTokenizerDefinition =
  | {
      readonly type: 'BertPreTokenizer' | 'Whitespace' | 'WhitespaceSplit' | 'UnicodeScripts';
    }
  | { readonly type: 'ByteLevel'; readonly addPrefixSpace: boolean; readonly useRegex: boolean }
  | { readonly type: 'CharDelimiterSplit'; readonly delimiter: string }
  | { readonly type: 'Digits'; readonly individualDigits: boolean }
  | { readonly type: 'FixedLength'; readonly length: number }
  | {
      readonly type: 'Metaspace';
      readonly replacement: string;
      readonly prependScheme: PrependScheme;
      readonly split: boolean;
    }
  | { readonly type: 'Punctuation'; readonly behavior: SplitBehavior }
  | {
      readonly type: 'Split';
      readonly pattern: Pattern;
      readonly behavior: SplitBehavior;
      readonly invert: boolean;
    }
  | { readonly type: 'Sequence'; readonly preTokenizers: readonly PreTokenizerDefinition[] };

/** Calls back with the text and the id of every token, in any order. */
export type Vocabulary = (visit: (token: string, id: number) => void) => void;

export type ModelDefinition =
  | {
      readonly type: 'BPE';
      readonly vocabulary: Vocabulary;
      /** In order of rank; each a pair of texts, or both with a space between. Checked by the model, as there are many. */
      readonly merges: readonly unknown[];
      readonly unknownToken: string | null;
      readonly continuingSubwordPrefix: string | null;
      readonly endOfWordSuffix: string | null;
      readonly fuseUnknown: boolean;
      readonly byteFallback: boolean;
      readonly ignoreMerges: boolean;
    }
  | {
      readonly type: 'Unigram';
      /** The place in the list is the id. */
      readonly pieces: readonly (readonly [token: string, score: number])[];
      readonly unknownId: number | null;
      readonly byteFallback: boolean;
    }
  | {
      readonly type: 'WordPiece';
      readonly vocabulary: Vocabulary;
      readonly unknownToken: string;
      readonly continuingSubwordPrefix: string;
      readonly maxInputCharsPerWord: number;
    }
  | { readonly type: 'WordLevel'; readonly vocabulary: Vocabulary; readonly unknownToken: string };

/** What goes around a text: token ids, with null where the text's own are. */
export type TemplateItem = readonly number[] | null;

export type PostProcessorDefinition =
  | { readonly type: 'Template'; readonly items: readonly TemplateItem[] }
  | { readonly type: 'Sequence'; readonly processors: readonly PostProcessorDefinition[] };

export type DecoderDefinition =
  | { readonly type: 'ByteLevel' | 'ByteFallback' | 'Fuse' }
  | { readonly type: 'BPEDecoder'; readonly suffix: string }
  | {
      readonly type: 'CTC';
      readonly padToken: string;
      readonly wordDelimiterToken: string;
      readonly cleanup: boolean;
    }
  | {
      readonly type: 'Metaspace';
      readonly replacement: string;
      readonly prependScheme: PrependScheme;
    }
  | { readonly type: 'Replace'; readonly pattern: Pattern; readonly content: string }
  | {
      readonly type: 'Strip';
      readonly content: string;
      readonly start: number;
      readonly stop: number;
    }
  | { readonly type: 'WordPiece'; readonly prefix: string; readonly cleanup: boolean }
  | { readonly type: 'Sequence'; readonly decoders: readonly DecoderDefinition[] };

/** A token that is found in the text before the model sees it. */
export interface AddedToken {
  readonly content: string;
  /** Only where no word character stands beside it. */
  readonly singleWord: boolean;
  /** It takes the whitespace on that side with it. */
  readonly leftStrip: boolean;
  readonly rightStrip: boolean;
  /** Searched for in the normalized text, itself normalized. */
  readonly normalized: boolean;
  /** A control token: hidden where text is shown, never made of what a person wrote. */
  readonly special: boolean;
}

export interface TokenizerDefinition {
  readonly addedTokens: readonly AddedToken[];
  readonly normalizer: NormalizerDefinition | null;
  readonly preTokenizer: PreTokenizerDefinition | null;
  readonly model: ModelDefinition;
  readonly postProcessor: PostProcessorDefinition | null;
  /** Without one, tokens are joined by spaces. */
  readonly decoder: DecoderDefinition | null;
}
