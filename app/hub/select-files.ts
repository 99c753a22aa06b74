import { containerOf, containers, isIndexFile, isWeightsFile } from '../checkpoint/index.ts';
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

/** Formats that run code when they are read, or that hold pickles. */
const PICKLE = /\.(?:bin|pt|pth|ckpt|pkl|pickle)$/;

function isTerms(name: string): boolean {
  // A licence named like a weight file is no licence.
  return TERMS.test(name) && !PICKLE.test(name);
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
    files.some((file) => isWeightsFile(file.path))
      ? `The weights of this repository are not a language model in the layout of transformers: there is neither ${containers.map(({ expects }) => expects).join(', nor ')}.`
      : 'This repository has no safetensors weights.',
    { remedy },
  );
}

/**
 * Chooses what a pull takes: the weights of one container once (with their index), configuration, tokenizer, chat template,
 * README and licence. Only files at the top of the repository: its folders hold other formats and precisions.
 *
 * @param named The files that the index names, where it was read. @default those whose names are as usual
 * @throws AppError `unsupported-model` without weights or config.json, `malformed-file` for a hostile name.
 */
export function selectFiles(
  files: readonly RepositoryFile[],
  named?: readonly string[],
): RepositoryFile[] {
  const atTop = new Map<string, RepositoryFile>();
  for (const file of files) {
    const name = file.path.split(/[/\\]/).at(-1) ?? '';
    const isWeights = isWeightsFile(name) || isIndexFile(name);
    if (!isWeights && !NAMED.has(name) && !isTerms(name)) continue;
    requireSafePath(file.path);
    if (file.path === name) atTop.set(name, file);
  }
  const names = [...atTop.keys()];
  const container = containerOf(names);
  if (container === null) throw explainNoWeights(files);
  const weights = container.weightsAmong(names, named).map((name) => {
    const file = atTop.get(name);
    if (file !== undefined) return file;
    throw new AppError(
      'malformed-file',
      `${container.index?.file ?? 'The index'} names ${name}, which the repository does not have.`,
      { remedy: 'The upload is not complete; tell the owner, or choose another repository.' },
    );
  });
  const absent = container.required.find((name) => !atTop.has(name));
  if (absent !== undefined)
    throw new AppError('unsupported-model', `This repository has no ${absent}.`, {
      remedy: 'It may be an adapter or a part of a model: choose the whole model.',
    });
  const small = [...atTop.values()].filter(
    ({ path }) => !isWeightsFile(path) && !isIndexFile(path),
  );
  return [...small, ...weights];
}
