import { webcrypto } from 'node:crypto';

/** sha256 of all parts in order, as hex. Runs on another thread: the caller's goes on meanwhile. */
export async function hashBytes(parts: readonly Uint8Array[]): Promise<string> {
  const digest = await webcrypto.subtle.digest('SHA-256', Buffer.concat(parts));
  return Buffer.from(digest).toString('hex');
}
