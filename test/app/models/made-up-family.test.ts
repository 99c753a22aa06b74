// What a new family needs, shown with one that nobody has: the compiler or a named failure says what is missing.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import {
  describeArchitecture,
  linearWeightTest,
  readDecoder,
  type Activation,
  type DecoderLayer,
} from '../../../app/models/index.ts';
import type { Family } from '../../../app/models/family.ts';
import { llama } from '../../../app/models/families/dense/llama.ts';
import type * as registry from '../../../app/models/registry.ts';
import type { KnownModel } from '../../../app/models/registry.ts';
import { contribObstacle } from '../../../app/run/graph/contrib-printer.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { planDecoder, type PlanNode } from '../../../app/run/plan/index.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

/** Llama with limited logits, and a last layer that knows no positions. */
const madeUp: Family = {
  ...llama,
  read(config, names) {
    const decoder = llama.read(config, names);
    const layers = decoder.layers.map((layer, index, { length }) => ({
      ...layer,
      mixer:
        layer.mixer?.kind === 'attention'
          ? { ...layer.mixer, rope: index + 1 < length ? 0 : null }
          : layer.mixer,
    }));
    return { ...decoder, layers, logitSoftcap: 30 };
  },
};

vi.mock('../../../app/models/registry.ts', async (importOriginal) => {
  const actual = await importOriginal<typeof registry>();
  const models: KnownModel[] = [...actual.listedModels.values()];
  models.push({
    modelType: 'made_up',
    className: 'MadeUpForCausalLM',
    load: () => Promise.resolve(madeUp),
  });
  return {
    ...actual,
    listedModels: new Map(models.map((model) => [model.modelType, model])),
    familyOf: (modelType: string) =>
      modelType === 'made_up' ? madeUp : actual.familyOf(modelType),
  };
});

const config = {
  architectures: ['MadeUpForCausalLM'],
  model_type: 'made_up',
  hidden_size: 64,
  intermediate_size: 128,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  vocab_size: 160,
};

it('is a file and a line: nothing else has to know its name', async () => {
  expect(describeArchitecture(config)).toMatchObject({ quantizable: true, runnable: true });
  expect(linearWeightTest(config)('model.layers.1.mlp.up_proj.weight')).toBe(true);
  const directory = await scratchFolder();
  await writeTinyCheckpoint(directory, {});
  const file = path.join(directory, 'config.json');
  const written = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  const { model_type, architectures } = config;
  await writeFile(file, JSON.stringify({ ...written, model_type, architectures }));
  const { decoder } = await ensureGraph(directory);
  expect(decoder).toMatchObject({ modelType: 'made_up', logitSoftcap: 30 });
});

it('is refused by name as long as it is not listed, with the nearest one that is', () => {
  const unlisted = { ...config, model_type: 'llama_like', architectures: ['LlamaLikeForCausalLM'] };
  expect(() => readDecoder(unlisted)).toThrow(
    expect.objectContaining({
      reason: 'unknown-architecture-similar',
      facts: { architecture: 'LlamaLikeForCausalLM', similar: 'LlamaForCausalLM' },
    }),
  );
});

it('is told by name what a GPU does not compute of it', () => {
  const decoder = readDecoder(config);
  const { nodes } = planDecoder(decoder, decoder.head);
  const obstacles = nodes.map((node) => contribObstacle(node, decoder.contextLength));
  expect(obstacles.filter((why) => why !== null)).toEqual([
    'some of its layers do not rotate queries and keys',
  ]);
});

it('does not compile with something missing', () => {
  const { read, isLinear, normType } = madeUp;
  // @ts-expect-error which modules are linear
  const withoutLinear: Family = { read, normType };
  // @ts-expect-error what its norms do with types
  const withoutNormType: Family = { read, isLinear };
  // @ts-expect-error how to read its config.json
  const withoutReader: Family = { isLinear, normType };
  const [layer] = readDecoder(config).layers;
  if (layer === undefined) throw new Error('It has layers.');
  const { mixer, feedForward } = layer;
  // @ts-expect-error where its norms stand, and the factor of its blocks
  const withoutNorms: DecoderLayer = { mixer, feedForward };
  // @ts-expect-error an activation for which there is no operator
  const activation: Activation = 'made-up';
  // @ts-expect-error a kind of node that no printer prints
  const node: PlanNode = { op: 'made-up' };
  for (const each of [
    withoutLinear,
    withoutNormType,
    withoutReader,
    withoutNorms,
    activation,
    node,
  ])
    expect(each).toBeDefined();
});
