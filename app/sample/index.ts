import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The small chat model that Nibble brings along, so that everything can be tried without a network. */
export const sampleModel = {
  /** The name under which the local hub serves it. */
  repository: 'nibble/sample',
  license: 'apache-2.0',
  directory: fileURLToPath(new URL('./model', import.meta.url)),
} as const;

function read(name: string): Promise<string> {
  return readFile(new URL(name, import.meta.url), 'utf8');
}

/** Text of the kind the model learned from, none of which it has seen: for perplexity. */
export function heldOutText(): Promise<string> {
  return read('./heldout.txt');
}

/** Questions that show what the sample model can do. */
export async function samplePrompts(): Promise<string[]> {
  const prompts: unknown = JSON.parse(await read('./prompts.json'));
  if (!Array.isArray(prompts)) return [];
  return prompts.filter((prompt): prompt is string => typeof prompt === 'string');
}
