import { AppError } from '../../contract/error.ts';
import { readJsonFile } from '../read-json.ts';

export const TOKENIZER_FILE = 'tokenizer.json';
const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';

/** The largest published vocabularies (a quarter of a million tokens) take 35 MB. */
export const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

/** tokenizer_config.json; an empty object where there is none. */
export async function readTokenizerConfig(
  directory: string,
): Promise<Readonly<Record<string, unknown>>> {
  const config = await readJsonFile(directory, TOKENIZER_CONFIG_FILE);
  return typeof config === 'object' && config !== null && !Array.isArray(config)
    ? (config as Record<string, unknown>)
    : {};
}

/** The error for a model folder without a tokenizer that can be read. */
export function missingTokenizer(directory: string): AppError {
  return new AppError('missing-tokenizer', `There is no ${TOKENIZER_FILE} in ${directory}.`, {
    remedy: `Copy ${TOKENIZER_FILE} and ${TOKENIZER_CONFIG_FILE} from the original repository into that folder, or give token ids (nibble generate --ids).`,
  });
}
