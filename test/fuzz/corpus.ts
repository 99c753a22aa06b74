// Sound folders that inputs are made from: checkpoints and artifacts of a tiny model that can chat.
import { readdirSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { schemeNames } from '../fixtures/known-schemes.ts';
import { ensureGraph } from '../../app/run/index.ts';
import { quantizeFolder } from '../fixtures/quantize-folder.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';

const sample = fileURLToPath(new URL('../../app/sample/model/', import.meta.url));
const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));
const chatFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'generation_config.json',
];

/** Folders below a corpus. */
export const CHECKPOINTS = ['llama', 'qwen3-in-shards'] as const;
export const ARTIFACTS = schemeNames.map((scheme) => `artifact-${scheme}`);

/** What the files of a folder are called without their ending, in order. */
const namesOf = (folder: string, ending: string): string[] =>
  readdirSync(path.join(fixtures, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length))
    .sort();

const tokenizers = namesOf('tokenizers', '.json.gz').filter((name) => name !== 'texts');
const templates = namesOf('templates/families', '.jinja');

/** A tokenizer each, of every kind that is published; and a chat template each. */
export const TOKENIZERS = tokenizers.map((name) => `tokenizer-${name}`);
/** A checkpoint of every family that there are golden logits of. */
const families = readdirSync(path.join(fixtures, 'golden/families'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
export const FAMILIES = families.map((name) => `family-${name}`);
export const TEMPLATES = templates.map((name) => `template-${name}`);

async function writeChatParts(folder: string): Promise<void> {
  for (const name of tokenizers) {
    const directory = path.join(folder, `tokenizer-${name}`);
    await mkdir(directory, { recursive: true });
    const packed = await readFile(path.join(fixtures, 'tokenizers', `${name}.json.gz`));
    const { tokenizer } = JSON.parse(gunzipSync(packed).toString('utf8')) as { tokenizer: unknown };
    await writeFile(path.join(directory, 'tokenizer.json'), JSON.stringify(tokenizer));
  }
  for (const name of templates) {
    const directory = path.join(folder, `template-${name}`);
    await mkdir(directory, { recursive: true });
    const source = path.join(fixtures, 'templates/families', `${name}.jinja`);
    await copyFile(source, path.join(directory, 'chat_template.jinja'));
  }
}

async function writeFamilies(folder: string): Promise<void> {
  for (const name of families) {
    const source = path.join(fixtures, 'golden/families', name);
    const directory = path.join(folder, `family-${name}`);
    await mkdir(directory, { recursive: true });
    for (const file of readdirSync(source))
      if (!file.startsWith('expected'))
        await copyFile(path.join(source, file), path.join(directory, file));
  }
}

/** Writes the corpus into `folder`. */
export async function writeCorpus(folder: string): Promise<void> {
  const shape = { vocabularySize: 4096, hiddenSize: 64, layers: 1, intermediateSize: 128 };
  await writeChatParts(folder);
  await writeFamilies(folder);
  const [plain, sharded] = CHECKPOINTS.map((name) => path.join(folder, name));
  if (plain === undefined || sharded === undefined) return;
  await writeTinyCheckpoint(plain, { ...shape, tied: false });
  await writeTinyCheckpoint(sharded, { ...shape, modelType: 'qwen3', shards: 2 });
  for (const directory of [plain, sharded]) {
    await mkdir(directory, { recursive: true });
    for (const file of chatFiles)
      await copyFile(path.join(sample, file), path.join(directory, file));
  }
  for (const scheme of schemeNames) {
    const directory = path.join(folder, `artifact-${scheme}`);
    await quantizeFolder(plain, directory, scheme);
    await ensureGraph(directory);
  }
}
