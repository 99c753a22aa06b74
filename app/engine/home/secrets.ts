import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError, toAppError } from '../../contract/error.ts';
import { replaceFile } from '../../disk/index.ts';

/** Where a host keeps the hub token. A desktop has the system's keychain for it. */
export interface Secrets {
  /** @returns null where nothing is kept */
  read(): Promise<string | null>;
  /** Keeps a token, or with null forgets it. */
  write(token: string | null): Promise<void>;
}

/** For their owner only: a token is a password. */
const MODE = 0o600;

/** A token has less than a hundred characters; what is larger is something else. */
const MAX_BYTES = 4096;

/**
 * Keeps the token in a file of the home that only its owner can read.
 *
 * @param directory The home.
 */
export function fileSecrets(directory: string): Secrets {
  const file = path.join(directory, 'hub-token');
  return {
    read: async () => {
      try {
        const text = await readFile(file, 'utf8');
        return text.length > MAX_BYTES || text.trim() === '' ? null : text.trim();
      } catch (error) {
        if (toAppError(error).code === 'not-found') return null;
        throw toAppError(error);
      }
    },
    write: async (token) => {
      if (token === null) {
        await rm(file, { force: true });
        return;
      }
      try {
        // The mode is given at birth: there is no moment at which others could read it.
        await replaceFile(file, `${token}\n`, { mode: MODE });
      } catch (error) {
        const known = toAppError(error);
        throw new AppError(known.code, 'The hub token could not be kept.', {
          remedy: known.remedy ?? 'Check the permissions of the folder that Nibble keeps.',
          cause: error,
        });
      }
    },
  };
}
