import { AppError, because } from '../contract/error.ts';
import { requireSafePath } from './file-path.ts';
import type { RepositoryFile } from './repository.ts';

/** Small files that say how to build, tokenize for and talk to a model. */
const NAMED = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'tokenizer.model',
  'chat_template.jinja',
  'chat_template.json',
  'README.md',
]);

/** The terms under which the weights may be used travel with them. */
const TERMS = /^(?:LICEN[CS]E|NOTICE|USE_POLICY)(?:[._-][A-Za-z0-9._-]*)?$/i;

const CONFIG = 'config.json';
/** Where transformers, and so openCheckpoint, look for weights: one file, or the index of several. */
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const WEIGHTS = /\.safetensors$/;

/**
 * Names of shards, the usual ones first. A listing may hold the same weights more than once (in another precision, in
 * their makers' own layout). The index names the right ones; these are what a listing alone can tell.
 */
const SHARDS = [
  /^model-\d{5}-of-\d{5}\.safetensors$/,
  /^model.*-\d{5}-of-\d{5}\.safetensors$/,
  /-\d{5}-of-\d{5}\.safetensors$/,
  WEIGHTS,
] as const;

/** Formats that run code when they are read, or that hold pickles. */
const PICKLE = /\.(?:bin|pt|pth|ckpt|pkl|pickle)$/;

function isTerms(name: string): boolean {
  // A licence named like a weight file is no licence.
  return TERMS.test(name) && !PICKLE.test(name);
}

function chooseShards(weights: readonly RepositoryFile[]): readonly RepositoryFile[] {
  for (const pattern of SHARDS) {
    const shards = weights.filter((file) => pattern.test(file.path));
    if (shards.length > 0) return shards;
  }
  return [];
}

function namedShards(
  names: readonly string[],
  weights: readonly RepositoryFile[],
): RepositoryFile[] {
  return names.map((name) => {
    const file = weights.find(({ path }) => path === name);
    if (file !== undefined) return file;
    throw new AppError(
      'malformed-file',
      `${INDEX} names ${name}, which the repository does not have.`,
      { remedy: 'The upload is not complete; tell the owner, or choose another repository.' },
    );
  });
}

function explainNoWeights(files: readonly RepositoryFile[]): AppError {
  const remedy = 'Look for a safetensors version of this model, often in the same owner’s list.';
  if (files.some((file) => PICKLE.test(file.path)))
    return new AppError(
      'unsupported-model',
      'This repository has its weights only as pickle files (.bin, .pt), which can run any program when they are opened. Nibble never reads them.',
      { remedy },
    );
  const gguf = files.find((file) => /\.gguf$/i.test(file.path));
  if (gguf !== undefined)
    return new AppError(
      'unsupported-model',
      'This repository has its weights only as GGUF files, which are already quantized. Nibble quantizes from the original safetensors.',
      because(
        'gguf-only',
        { path: gguf.path },
        {
          remedy:
            'Choose the original repository; the page of this one names it as its base model.',
        },
      ),
    );
  return new AppError(
    'unsupported-model',
    files.some((file) => WEIGHTS.test(file.path))
      ? `The safetensors files of this repository are not a language model in the layout of transformers: there is neither ${SINGLE} nor ${INDEX}.`
      : 'This repository has no safetensors weights.',
    { remedy },
  );
}

/**
 * Chooses what a pull takes: the safetensors weights once (with their index), configuration, tokenizer, chat template,
 * README and licence. Only files at the top of the repository: its folders hold other formats and precisions.
 *
 * @param named The files that the index names, where it was read. @default those whose names are as usual
 * @throws AppError `unsupported-model` without safetensors weights or config.json, `malformed-file` for a hostile name.
 */
export function selectFiles(
  files: readonly RepositoryFile[],
  named?: readonly string[],
): RepositoryFile[] {
  const weights: RepositoryFile[] = [];
  const small: RepositoryFile[] = [];
  let index: RepositoryFile | null = null;
  for (const file of files) {
    const name = file.path.split(/[/\\]/).at(-1) ?? '';
    const isWeights = WEIGHTS.test(name);
    if (!isWeights && name !== INDEX && !NAMED.has(name) && !isTerms(name)) continue;
    requireSafePath(file.path);
    if (file.path !== name) continue;
    if (isWeights) weights.push(file);
    else if (name === INDEX) index = file;
    else small.push(file);
  }
  const single = weights.find((file) => file.path === SINGLE);
  const chosen =
    single !== undefined
      ? [single]
      : index === null
        ? []
        : [index, ...(named === undefined ? chooseShards(weights) : namedShards(named, weights))];
  if (!chosen.some((file) => WEIGHTS.test(file.path))) throw explainNoWeights(files);
  if (!small.some((file) => file.path === CONFIG))
    throw new AppError('unsupported-model', `This repository has no ${CONFIG}.`, {
      remedy: 'It may be an adapter or a part of a model: choose the whole model.',
    });
  return [...small, ...chosen];
}
