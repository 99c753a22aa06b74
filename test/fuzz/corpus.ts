// Sound folders that inputs are made from: checkpoints and artifacts of a tiny model that can chat.
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { schemeNames } from '../../app/contract/scheme.ts';
import { ensureGraph } from '../../app/run/index.ts';
import { quantizeFolder } from '../fixtures/quantize-folder.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';

const sample = fileURLToPath(new URL('../../app/sample/model/', import.meta.url));
const chatFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'generation_config.json',
];

/** Folders below a corpus. */
export const CHECKPOINTS = ['llama', 'qwen3-in-shards'] as const;
export const ARTIFACTS = schemeNames.map((scheme) => `artifact-${scheme}`);

/** Writes the corpus into `folder`. */
export async function writeCorpus(folder: string): Promise<void> {
  const shape = { vocabularySize: 4096, hiddenSize: 64, layers: 1, intermediateSize: 128 };
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
