import { access } from 'node:fs/promises';
import path from 'node:path';
import { loadFamilyOf, readDecoder } from '../models/on-demand.ts';
import { readJsonFile } from './read-json.ts';

/** Where a chat template lies: a file of its own, a field of this one, or of tokenizer_config.json. */
const TEMPLATE_FILE = 'chat_template.jinja';
const TEMPLATE_HOLDER = 'chat_template.json';

async function exists(directory: string, name: string): Promise<boolean> {
  return access(path.join(directory, name)).then(
    () => true,
    () => false,
  );
}

function holdsTemplate(file: unknown): boolean {
  if (typeof file !== 'object' || file === null || !('chat_template' in file)) return false;
  const { chat_template: template } = file;
  return template !== null && template !== '';
}

/**
 * Whether a folder has a chat template, without the interpreter that it takes to use one.
 *
 * @param tokenizerConfig what its tokenizer_config.json says
 * @throws AppError `malformed-file` when chat_template.json is none
 */
export async function hasTemplate(directory: string, tokenizerConfig: unknown): Promise<boolean> {
  return (
    holdsTemplate(tokenizerConfig) ||
    (await exists(directory, TEMPLATE_FILE)) ||
    holdsTemplate(await readJsonFile(directory, TEMPLATE_HOLDER))
  );
}

/**
 * Whether the folder of a model has everything that answering a conversation takes: a configuration that there is a
 * graph for, a tokenizer and a chat template. Only small files are read; nothing is loaded.
 *
 * @returns false as well for a folder that is not there or cannot be read
 */
export async function canChat(directory: string): Promise<boolean> {
  try {
    const config = await readJsonFile(directory, 'config.json');
    await loadFamilyOf(config);
    readDecoder(config);
    return (
      (await exists(directory, 'tokenizer.json')) &&
      (await hasTemplate(directory, await readJsonFile(directory, 'tokenizer_config.json')))
    );
  } catch {
    return false;
  }
}
