import { safeStorage } from 'electron';
import path from 'node:path';
import { rmSync } from 'node:fs';
import { AppError } from '../../app/contract/error.ts';
import { readSmallFile, replaceFile } from './small-file.ts';
import type { TokenStore } from './utility/start-engine.ts';

/** A token has less than a hundred characters; encrypted it is little longer. */
const MAX_BYTES = 8192;

/** On Linux without a keyring Electron would encrypt with a key that everyone knows. */
async function hasKeychain(): Promise<boolean> {
  if (!(await safeStorage.isAsyncEncryptionAvailable())) return false;
  return process.platform !== 'linux' || safeStorage.getSelectedStorageBackend() !== 'basic_text';
}

/** Keeps the hub token encrypted with a key that the system's keychain holds. @param folder of the app's own data */
export function keychainTokenStore(folder: string): TokenStore {
  const file = path.join(folder, 'hub-token.encrypted');
  return {
    read: async () => {
      const encrypted = readSmallFile(file, MAX_BYTES);
      if (encrypted === null || !(await hasKeychain())) return null;
      try {
        return (await safeStorage.decryptStringAsync(encrypted)).result;
      } catch {
        // Another account's key, or a keychain that was made anew: the token is to be given again.
        return null;
      }
    },
    write: async (token) => {
      if (token === null) rmSync(file, { force: true });
      else if (await hasKeychain()) replaceFile(file, await safeStorage.encryptStringAsync(token));
      else
        throw new AppError(
          'permission-denied',
          'The token cannot be kept: this system has no keychain that is open.',
          {
            remedy:
              'Unlock or install a keyring (GNOME Keyring, KWallet), or set HF_TOKEN instead.',
          },
        );
    },
  };
}
