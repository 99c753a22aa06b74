import { fromByteLevel } from './byte-level.ts';
import type { DecoderDefinition, PrependScheme } from './definition.ts';
import { replaceAllWithin, tooMuchText } from './limits.ts';
import { Matcher } from './pattern.ts';

/**
 * Rewrites the texts of tokens until, joined, they are the text.
 *
 * @param limit UTF-16 units that the result may have
 * @throws AppError `malformed-file` where it would have more
 */
export type Decoder = (tokens: readonly string[], limit: number) => string[];

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** The byte that a token like <0x0A> stands for; -1 for any other. As in the package, a sign may stand before one digit. */
export function byteOfToken(token: string): number {
  const digits = /^<0x([0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>$/.exec(token)?.[1];
  return digits === undefined ? -1 : Number.parseInt(digits, 16);
}

const byteLevel: Decoder = (tokens) => {
  const parts = tokens.map(fromByteLevel);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return [lossy.decode(bytes)];
};

const byteFallback: Decoder = (tokens) => {
  const decoded: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      decoded.push(strict.decode(Uint8Array.from(bytes)));
    } catch {
      for (let i = 0; i < bytes.length; i++) decoded.push('\ufffd');
    }
    bytes = [];
  };
  for (const token of tokens) {
    const byte = byteOfToken(token);
    if (byte >= 0) bytes.push(byte);
    else {
      flush();
      decoded.push(token);
    }
  }
  flush();
  return decoded;
};

const eachToken =
  (rewrite: (token: string, index: number, last: number, limit: number) => string): Decoder =>
  (tokens, limit) =>
    tokens.map((token, i) => rewrite(token, i, tokens.length - 1, limit));

/** English as it is written: no spaces before marks and contractions. */
const cleanedUp: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

function cleanUp(text: string): string {
  return cleanedUp.reduce((current, [found, content]) => current.replaceAll(found, content), text);
}

function metaspace(replacement: string, prependScheme: PrependScheme): Decoder {
  return eachToken((token, i) =>
    token.replaceAll(replacement, i === 0 && prependScheme !== 'never' ? '' : ' '),
  );
}

function strip(content: string, start: number, stop: number): Decoder {
  return eachToken((token) => {
    const characters = Array.from(token);
    let first = 0;
    while (first < start && characters[first] === content) first++;
    let end = characters.length;
    while (characters.length - end < stop && end > first && characters[end - 1] === content) end--;
    return characters.slice(first, end).join('');
  });
}

function ctc({
  padToken,
  wordDelimiterToken,
  cleanup,
}: DecoderDefinition & { type: 'CTC' }): Decoder {
  return (tokens) =>
    tokens
      .filter((token, i) => token !== tokens[i - 1])
      .map((token) => {
        const text = padToken === '' ? token : token.replaceAll(padToken, '');
        return cleanup ? cleanUp(text).replaceAll(wordDelimiterToken, ' ') : text;
      })
      .filter((token) => token !== '');
}

function replace({ pattern, content }: DecoderDefinition & { type: 'Replace' }): Decoder {
  if (pattern.kind === 'text' && pattern.text !== '')
    return eachToken((token, _index, _last, limit) =>
      replaceAllWithin(token, pattern.text, content, limit, 'decoding'),
    );
  const matcher = new Matcher(pattern);
  return eachToken((token, _index, _last, limit) => {
    if (token === '') return token;
    let result = '';
    let last = 0;
    matcher.forEach(token, (start, end) => {
      result += token.slice(last, start) + content;
      last = end;
      if (result.length > limit) throw tooMuchText('decoding', limit);
    });
    return result + token.slice(last);
  });
}

/** A step after which no more text is left than may be shown. */
function within(decoder: Decoder): Decoder {
  return (tokens, limit) => {
    const decoded = decoder(tokens, limit);
    let length = 0;
    for (const token of decoded) length += token.length;
    if (length > limit) throw tooMuchText('decoding', limit);
    return decoded;
  };
}

/** @throws SyntaxError for a regular expression that cannot be read */
export function createDecoder(definition: DecoderDefinition): Decoder {
  switch (definition.type) {
    case 'ByteLevel':
      return byteLevel;
    case 'ByteFallback':
      return byteFallback;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'BPEDecoder':
      return eachToken((token, i, last) =>
        definition.suffix === ''
          ? token
          : token.replaceAll(definition.suffix, i === last ? '' : ' '),
      );
    case 'CTC':
      return ctc(definition);
    case 'Metaspace':
      return metaspace(definition.replacement, definition.prependScheme);
    case 'Replace':
      return within(replace(definition));
    case 'Strip':
      return strip(definition.content, definition.start, definition.stop);
    case 'WordPiece':
      return eachToken((token, i) => {
        const isContinuation = definition.prefix !== '' && token.startsWith(definition.prefix);
        const joined =
          i === 0 ? token : isContinuation ? token.slice(definition.prefix.length) : ` ${token}`;
        return definition.cleanup ? cleanUp(joined) : joined;
      });
    case 'Sequence': {
      const steps = definition.decoders.map(createDecoder);
      return (tokens, limit) =>
        steps.reduce<string[]>((current, step) => step(current, limit), [...tokens]);
    }
  }
}
