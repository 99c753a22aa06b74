/**
 * The page docs/models.md, from the families that the code knows and what each backend says of their golden models:
 *
 *   node test/docs/models-page.ts
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCheckpoint } from '../../app/checkpoint/index.ts';
import { readDecoder } from '../../app/models/index.ts';
import { loadFamily, listedModels } from '../../app/models/registry.ts';
import { wrappers } from '../../app/models/wrappers.ts';
import { contribObstacle } from '../../app/run/graph/contrib-printer.ts';
import { cudaObstacle } from '../../app/run/graph/cuda-text.ts';
import { planDecoder, type PlanNode } from '../../app/run/plan/index.ts';
import { modelExamples } from './model-examples.ts';

const golden = fileURLToPath(new URL('../fixtures/golden/families', import.meta.url));
export const modelsPagePath = fileURLToPath(new URL('../../docs/models.md', import.meta.url));

/** A context that every golden model can have. */
const CONTEXT_LENGTH = 64;

/** Golden models are small, in the size of their heads, too: that is nothing that a family's published models share. */
const USUAL_HEAD_DIMENSION = 128;

function withUsualHeads(node: PlanNode): PlanNode {
  return node.op === 'attention'
    ? { ...node, attention: { ...node.attention, headDimension: USUAL_HEAD_DIMENSION } }
    : node;
}

async function nodesOf(folder: string): Promise<readonly PlanNode[]> {
  const checkpoint = await openCheckpoint(folder);
  try {
    const decoder = readDecoder(checkpoint.config);
    const hasHead = checkpoint.tensors.some(({ name }) => name === `${decoder.head}.weight`);
    const { nodes } = planDecoder(decoder, hasHead ? decoder.head : decoder.embedding);
    return nodes.map(withUsualHeads);
  } finally {
    await checkpoint.close();
  }
}

function firstObstacle(
  nodes: readonly PlanNode[],
  obstacle: (node: PlanNode) => string | null,
): string | null {
  for (const node of nodes) {
    const found = obstacle(node);
    if (found !== null) return found;
  }
  return null;
}

/** `yes`, or the number of a note that says why not. */
function mark(reason: string | null, notes: string[]): string {
  if (reason === null) return 'yes';
  if (!notes.includes(reason)) notes.push(reason);
  return `no (${notes.indexOf(reason) + 1})`;
}

/** The classes of transformers whose text model this is. */
function classesOf(modelType: string, className: string | null): string[] {
  const within = Object.values(wrappers).filter(({ textType }) => textType === modelType);
  return [className, ...within.map((wrapper) => wrapper.className)].filter((name) => name !== null);
}

async function row(modelType: string, className: string | null, notes: string[]): Promise<string> {
  const examples = modelExamples[modelType];
  if (examples === undefined)
    throw new Error(`test/docs/model-examples.ts says nothing of ${modelType}.`);
  const folder = path.join(golden, examples.golden ?? modelType);
  if (!existsSync(folder)) throw new Error(`There is no golden model in ${folder}.`);
  await loadFamily(modelType);
  const nodes = await nodesOf(folder);
  const cuda = mark(firstObstacle(nodes, cudaObstacle), notes);
  const contrib = mark(
    firstObstacle(nodes, (node) => contribObstacle(node, CONTEXT_LENGTH)),
    notes,
  );
  const classes = classesOf(modelType, className).map((name) => `\`${name}\``);
  const cells = [examples.name, examples.repositories.join(', '), classes.join(', ')];
  return `| ${[...cells, 'yes', cuda, contrib, examples.since].join(' | ')} |`;
}

/**
 * The page as it should be.
 *
 * @throws Error for a model type without examples or a golden model
 */
export async function modelsPage(): Promise<string> {
  const notes: string[] = [];
  const rows: string[] = [];
  for (const { modelType, className } of listedModels.values())
    rows.push(await row(modelType, className, notes));
  return `# Models

What Nibble runs. Each line is held to the logits that transformers computes for a small model of that kind, by a test. Sizes of
a line differ in their numbers alone; of models that also see or hear it is the text that runs. \`nibble inspect OWNER/NAME\` says
whether a repository can be run, before anything is downloaded.

The processor runs every line. An NVIDIA device has kernels of its own, and other GPUs are reached through WebGPU; a model
that they do not take runs on the processor, which \`--device auto\` finds out by itself.

| Models | For example | \`architectures\` | Processor | NVIDIA | WebGPU | Since |
|---|---|---|---|---|---|---|
${rows.join('\n')}

${notes.map((note, index) => `${index + 1}. ${note.charAt(0).toUpperCase()}${note.slice(1)}.`).join('\n')}

The list is made from the code by \`node test/docs/models-page.ts\`. Another family is one file: app/models/README.md says how. To
ask for one, open an issue with the name that \`nibble inspect\` prints and a link to a repository of it.
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await writeFile(modelsPagePath, await modelsPage());

/** The page as it is. */
export function writtenModelsPage(): Promise<string> {
  return readFile(modelsPagePath, 'utf8');
}
