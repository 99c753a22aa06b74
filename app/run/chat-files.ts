import { access } from 'node:fs/promises';
import path from 'node:path';
import { readModelConfig } from '../checkpoint/index.ts';
import { readJsonFile } from './read-json.ts';

/** Where a chat template lies: a file of its own, or a field of one of these. */
const TEMPLATE_FILE = 'chat_template.jinja';
const TEMPLATE_HOLDERS = ['chat_template.json', 'tokenizer_config.json'];

async function exists(directory: string, name: string): Promise<boolean> {
  return access(path.join(directory, name)).then(
    () => true,
    () => false,
  );
}

async function hasTemplate(directory: string): Promise<boolean> {
  if (await exists(directory, TEMPLATE_FILE)) return true;
  for (const name of TEMPLATE_HOLDERS) {
    const file = await readJsonFile(directory, name);
    if (typeof file !== 'object' || file === null || !('chat_template' in file)) continue;
    const { chat_template: template } = file;
    if (template !== null && template !== '') return true;
  }
  return false;
}

/**
 * Whether the folder of a model has everything that answering a conversation takes: a configuration that there is a
 * graph for, a tokenizer and a chat template. Only small files are read; nothing is loaded.
 *
 * @returns false as well for a folder that is not there or cannot be read
 */
export async function canChat(directory: string): Promise<boolean> {
  try {
    readModelConfig(await readJsonFile(directory, 'config.json'));
    return (await exists(directory, 'tokenizer.json')) && (await hasTemplate(directory));
  } catch {
    return false;
  }
}
