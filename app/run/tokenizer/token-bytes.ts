/**
 * What each token is in bytes. The tokenizer library decodes whole sequences only; a stream needs the bytes of one token
 * at a time, because a character may be spread over several.
 */

/** The least that is asked of a tokenizer library. */
export interface TokenSource {
  /** The token's name in the vocabulary. */
  id_to_token(id: number): string | undefined;
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
}

export interface TokenBytes {
  /** Empty for an id that the tokenizer does not know (models pad their vocabulary). */
  bytesOf(id: number, isFirst: boolean): Uint8Array;
  /** Leading spaces that decoding takes off the whole text (SentencePiece puts one in front). */
  readonly leadingSpaces: number;
}

const encoder = new TextEncoder();
const nothing = new Uint8Array(0);

/**
 * The byte behind each character of a byte-level vocabulary (GPT-2's table): printable Latin-1 characters stand for
 * themselves, the 68 others were moved up from U+0100 in order.
 */
const byteOfCharacter: ReadonlyMap<string, number> = (() => {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const table = new Map<string, number>();
  let moved = 0;
  for (let byte = 0; byte < 256; byte++)
    table.set(String.fromCharCode(isPrintable(byte) ? byte : 0x100 + moved++), byte);
  return table;
})();

function bytesOfByteLevel(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = byteOfCharacter.get(character);
    if (byte === undefined) bytes.push(...encoder.encode(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

interface Replacement {
  readonly pattern: string;
  readonly content: string;
}

function bytesOfFallback(token: string, replacements: readonly Replacement[]): Uint8Array {
  const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
  return encoder.encode(
    replacements.reduce((text, { pattern, content }) => text.replaceAll(pattern, content), token),
  );
}

interface Step {
  readonly type?: unknown;
  readonly decoders?: unknown;
  readonly pattern?: unknown;
  readonly content?: unknown;
  readonly start?: unknown;
  readonly stop?: unknown;
}

/** What a decoder of SentencePiece with byte fallback consists of; null when a step is something else. */
function readFallbackSteps(
  steps: readonly Step[],
): { replacements: Replacement[]; leadingSpaces: number } | null {
  const replacements: Replacement[] = [];
  let leadingSpaces = 0;
  for (const { type, pattern, content, start, stop } of steps) {
    if (type === 'Replace') {
      const text: unknown =
        typeof pattern === 'object' && pattern !== null && 'String' in pattern
          ? pattern.String
          : null;
      if (typeof text !== 'string' || typeof content !== 'string') return null;
      replacements.push({ pattern: text, content });
    } else if (type === 'Strip') {
      if (content !== ' ' || typeof start !== 'number' || stop !== 0) return null;
      leadingSpaces += start;
    } else if (type !== 'ByteFallback' && type !== 'Fuse') return null;
  }
  return { replacements, leadingSpaces };
}

/**
 * Chooses how tokens become bytes from the `decoder` of tokenizer.json.
 *
 * Byte-level and byte-fallback vocabularies, which nearly every language model has, are read exactly. For any other
 * decoder the library is asked what a token adds behind itself.
 *
 * @param addedTokens Text of the tokens that were added to the vocabulary; they stand for themselves.
 */
export function tokenBytes(
  decoder: unknown,
  source: TokenSource,
  addedTokens: ReadonlyMap<number, string>,
): TokenBytes {
  const added = (id: number): Uint8Array | null => {
    const text = addedTokens.get(id);
    return text === undefined ? null : encoder.encode(text);
  };
  const reader = (
    bytesOfToken: (token: string) => Uint8Array,
    leadingSpaces: number,
  ): TokenBytes => ({
    leadingSpaces,
    bytesOf: (id) => {
      const token = source.id_to_token(id);
      return added(id) ?? (token === undefined ? nothing : bytesOfToken(token));
    },
  });

  const step = (typeof decoder === 'object' && decoder !== null ? decoder : {}) as Step;
  const steps =
    step.type === 'Sequence' && Array.isArray(step.decoders) ? (step.decoders as Step[]) : [step];
  if (steps.length === 1 && steps[0]?.type === 'ByteLevel') return reader(bytesOfByteLevel, 0);
  if (steps.some(({ type }) => type === 'ByteFallback')) {
    const fallback = readFallbackSteps(steps);
    if (fallback !== null)
      return reader(
        (token) => bytesOfFallback(token, fallback.replacements),
        fallback.leadingSpaces,
      );
  }
  const decode = (ids: number[]): string =>
    source.decode(ids, { clean_up_tokenization_spaces: false });
  return {
    leadingSpaces: 0,
    bytesOf: (id, isFirst) => {
      if (source.id_to_token(id) === undefined) return nothing;
      const alone = decode([id]);
      return added(id) ?? encoder.encode(isFirst ? alone : decode([id, id]).slice(alone.length));
    },
  };
}
