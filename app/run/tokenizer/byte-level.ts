/** GPT-2's alphabet: each of the 256 bytes as a character that can be seen. */

/**
 * Printable Latin-1 characters stand for themselves, the 68 other bytes were moved up from U+0100 in order.
 */
export const characterOfByte: readonly string[] = (() => {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let moved = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : 0x100 + moved++),
  );
})();

/** Bytes by character code; -1 where the character stands for none. */
const byteOfCharacter = new Int16Array(0x200).fill(-1);
characterOfByte.forEach((character, byte) => {
  byteOfCharacter[character.charCodeAt(0)] = byte;
});

const encoder = new TextEncoder();

/** The UTF-8 bytes of `text`, each as its character. */
export function toByteLevel(text: string): string {
  let result = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) result += characterOfByte[unit] ?? '';
    else {
      // The rest of the text at once: characters above ASCII come in runs.
      for (const byte of encoder.encode(text.slice(i))) result += characterOfByte[byte] ?? '';
      return result;
    }
  }
  return result;
}

/** The bytes that a token stands for; its own UTF-8 where one of its characters is no byte. */
export function fromByteLevel(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = byteOfCharacter[token.charCodeAt(i)] ?? -1;
    if (byte < 0) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}
