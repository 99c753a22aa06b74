import { AppError, because } from '../contract/error.ts';
import { parseJson } from '../json/index.ts';

export const CONFIG_FILE = 'config.json';

/** Real ones have a few kilobytes; the limit keeps a hostile one from filling the memory. */
export const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * Reads the text of a config.json as Python does, which knows NaN and Infinity.
 *
 * @param name Names it in errors.
 * @throws AppError `malformed-file`
 */
export async function parseConfig(
  text: Uint8Array | string,
  name: string,
): Promise<Record<string, unknown>> {
  const remedy = 'Download the checkpoint again.';
  const config = await parseJson(text, { name, maxBytes: MAX_CONFIG_BYTES, python: true, remedy });
  if (typeof config === 'object' && config !== null && !Array.isArray(config))
    return Object.fromEntries(Object.entries(config));
  const found = Array.isArray(config) ? 'array' : config === null ? 'null' : typeof config;
  throw new AppError(
    'malformed-file',
    `${name} holds JSON of the type ${found}, but must hold an object.`,
    because('json-not-object', { file: name, found }, { remedy }),
  );
}
