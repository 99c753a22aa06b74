import { createHash } from 'node:crypto';

/**
 * The weights fingerprint of a model: the hash of its one file of weights; of several, sha256 of the lines
 * `<hash>  <name>` of all, in their order. Whatever takes part in answers takes part in it: the shards in the order of
 * their index, and behind them the quantized copy of the output layer (docs/weights-fingerprint.md).
 *
 * @param files 64 hexadecimal digits each, of the kind `sha256-tensors-1` unless they were recorded as another
 */
export function weightsFingerprint(
  files: readonly { readonly name: string; readonly sha256: string }[],
): string {
  const [only] = files;
  if (only !== undefined && files.length === 1) return only.sha256;
  const lines = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
