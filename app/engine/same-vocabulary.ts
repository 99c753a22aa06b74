import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Artifact } from '../contract/checkpoint.ts';
import { AppError, because, toAppError } from '../contract/error.ts';
import { parseJson } from '../json/index.ts';

/** The largest published tokenizers have 35 MB. */
const MAX_BYTES = 128 * 1024 * 1024;

async function tokenizerOf({ directory }: Artifact): Promise<Buffer | null> {
  try {
    return await readFile(path.join(directory, 'tokenizer.json'));
  } catch (error) {
    // Whoever needs a tokenizer says so when it is missing.
    if (toAppError(error).code === 'not-found') return null;
    throw error;
  }
}

/** The tokens by their ids, as text that is the same for the same vocabulary. */
async function vocabularyOf(bytes: Buffer, name: string): Promise<string> {
  const parsed = (await parseJson(bytes, { name, maxBytes: MAX_BYTES })) as {
    readonly model?: { readonly vocab?: unknown };
    readonly added_tokens?: readonly { readonly id?: unknown; readonly content?: unknown }[];
  } | null;
  const vocab = parsed?.model?.vocab;
  const tokens: [unknown, unknown][] = Array.isArray(vocab)
    ? vocab.map((entry: unknown, id) => [id, Array.isArray(entry) ? entry[0] : entry])
    : Object.entries(vocab ?? {}).map(([text, id]) => [id, text]);
  const byId = new Map<unknown, unknown>(tokens);
  for (const { id, content } of parsed?.added_tokens ?? []) byId.set(id, content);
  return JSON.stringify([...byId].sort(([a], [b]) => Number(a) - Number(b)));
}

/**
 * Checks that artifacts mean the same by the same token ids: what is compared token by token is nonsense otherwise.
 *
 * @throws AppError 'invalid-input' with the first two that differ
 */
export async function requireSameVocabulary(artifacts: readonly Artifact[]): Promise<void> {
  const [first, ...others] = artifacts;
  if (first === undefined) return;
  const expected = await tokenizerOf(first);
  if (expected === null) return;
  for (const other of others) {
    const found = await tokenizerOf(other);
    if (found === null || found.equals(expected)) continue;
    // Written by another program, it may still hold the same tokens.
    if ((await vocabularyOf(found, other.id)) === (await vocabularyOf(expected, first.id)))
      continue;
    throw new AppError(
      'invalid-input',
      `${first.id} and ${other.id} have different vocabularies: their tokens cannot be compared.`,
      because(
        'different-vocabularies',
        { first: first.id, second: other.id },
        { remedy: 'Compare versions of the same model.' },
      ),
    );
  }
}
