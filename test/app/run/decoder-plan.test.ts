import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import { readDecoder } from '../../../app/models/index.ts';
import { printCudaText } from '../../../app/run/graph/cuda-text.ts';
import { GraphWriter } from '../../../app/run/graph/graph-writer.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { planDecoder } from '../../../app/run/plan/index.ts';
import { Model, probeGpus } from '../../../native-kernels/index.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { readOnnx } from '../../fixtures/read-onnx.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint, type TinyCheckpointOptions } from '../../fixtures/tiny-checkpoint.ts';

const { reason } = await probeGpus();
const golden = fileURLToPath(new URL('../../fixtures/golden/families/', import.meta.url));

interface PlanNode {
  readonly operator: string;
  readonly name: string;
  readonly items: ReadonlyMap<string, string>;
}

function readPlan(text: string): { files: string[]; nodes: PlanNode[] } {
  const files: string[] = [];
  const nodes: PlanNode[] = [];
  for (const line of text.split('\n').filter((some) => some !== '')) {
    if (line.startsWith('file ')) {
      files.push(line.slice('file '.length));
      continue;
    }
    const [kind, operator = '', name = '', ...items] = line.split(' ');
    expect(kind).toBe('node');
    const pairs = items.map((item): [string, string] => {
      const at = item.indexOf('=');
      return [item.slice(0, at), item.slice(at + 1)];
    });
    nodes.push({ operator, name, items: new Map(pairs) });
  }
  return { files, nodes };
}

async function tinyPlan(
  options: TinyCheckpointOptions,
): Promise<{ directory: string; plan: string }> {
  const directory = await scratchFolder();
  await writeTinyCheckpoint(directory, options);
  return { directory, plan: await (await ensureGraph(directory)).cudaText() };
}

/** The text of an unquantized model, also of one that the kernels do not take. */
async function printedText(directory: string): Promise<string> {
  const checkpoint = await openCheckpoint(directory);
  try {
    const decoder = readDecoder(checkpoint.config);
    const writer = new GraphWriter(new Map(checkpoint.tensors.map((each) => [each.name, each])));
    const head = writer.has(`${decoder.head}.weight`) ? decoder.head : decoder.embedding;
    const context = { writer, details: new Map(), int8Threshold: 6, separate: true };
    return printCudaText(context, planDecoder(decoder, head));
  } finally {
    await checkpoint.close();
  }
}

/** What opening a plan comes to on this machine: a code, or null where there is a device that runs it. */
async function outcome(plan: string, directory: string): Promise<string | null> {
  try {
    const model = await Model.openOnCuda({ plan, directory, contextLength: 64 });
    await model.close();
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const accepted = reason === null ? null : 'runtime-unavailable';

describe('the plan of a decoder', () => {
  it('has the nodes of the graph and points at the same bytes', async () => {
    const { directory, plan } = await tinyPlan({ modelType: 'qwen2', shards: 2 });
    const graph = readOnnx(await readFile(path.join(directory, 'graph.onnx')));
    const { files, nodes } = readPlan(plan);
    const named = (operator: string): string => (operator === 'Gather' ? 'WantedRows' : operator);
    expect(nodes.map(({ operator, name }) => `${operator} ${name}`)).toEqual(
      graph.nodes.map(({ operator, outputs }) => `${named(operator)} ${outputs[0] ?? ''}`),
    );
    for (const [index, node] of graph.nodes.entries()) {
      const items = [...(nodes[index]?.items ?? [])];
      const inPlan = items.filter(([key, value]) => /^\d+$/.test(key) && !value.startsWith('$'));
      const ends = new Map(inPlan.map(([input, place]) => [Number(input), place]));
      const tables = node.inputs.flatMap((input, at) => (graph.initializers.has(input) ? at : []));
      expect(ends.size).toBe(node.stored.length + tables.length);
      for (const at of tables) expect(ends.get(at)).toMatch(/^F32#(?:[0-9a-f]{8})+$/);
      for (const { index: at, type, file, offset, dims } of node.stored) {
        const byteLength = 2 * dims.reduce((product, size) => product * size);
        expect(ends.get(at)).toBe(`${type}@${files.indexOf(file)}:${offset}:${byteLength}`);
      }
    }
    expect(files).toHaveLength(2);
  });

  it.each(['qwen2_moe', 'gemma2', 'granite', 'olmo2', 'phi', 'apertus'])(
    'of %s names for every node the values that nodes before it computed',
    async (architecture) => {
      const directory = path.join(golden, architecture);
      const { nodes } = readPlan(await printedText(directory));
      const known = new Set(['input_ids', 'position', 'logit_rows']);
      for (const { name, items } of nodes) {
        for (const [key, value] of items)
          if (/^\d+$/.test(key) && value.startsWith('$'))
            expect(known, `${name} ${key}`).toContain(value.slice(1));
        known.add(name);
        for (const [key, value] of items) if (key.startsWith('output')) known.add(value.slice(1));
      }
      expect(nodes.at(-1)?.name).toBe('logits');
    },
  );

  it.each(['llama', 'mistral', 'qwen2', 'qwen3'] as const)(
    'of %s is one that the kernels take',
    async (modelType) => {
      const { directory, plan } = await tinyPlan({ modelType });
      expect(await outcome(plan, directory)).toBe(accepted);
    },
  );

  it.each([
    'apertus',
    'arcee',
    'cohere',
    'cohere2',
    'dots1',
    'ernie4_5',
    'ernie4_5_moe',
    'exaone4',
    'gemma',
    'gemma2',
    'gemma3',
    'gemma3_text',
    'gemma4',
    'gemma4_text',
    'glm4',
    'glm4_moe',
    'gpt2',
    'gpt_neox',
    'gpt_oss',
    'granite',
    'granitemoe',
    'hunyuan_v1_dense',
    'hunyuan_v1_moe',
    'minimax_m2',
    'ministral3',
    'mixtral',
    'nemotron',
    'olmo2',
    'olmo3',
    'olmoe',
    'phi',
    'phi3',
    'qwen2_moe',
    'qwen3_moe',
    'qwen3_vl_moe',
    'seed_oss',
    'smollm3',
    'stablelm',
    'starcoder2',
  ])('of %s is one that the kernels take, too', async (architecture) => {
    const directory = path.join(await scratchFolder(), architecture);
    await cp(path.join(golden, architecture), directory, { recursive: true });
    expect(await outcome(await (await ensureGraph(directory, 'exact')).cudaText(), directory)).toBe(
      accepted,
    );
  });

  it.each(['nf4', 'nf4-dq', 'fp4-dq', 'llm-int8', 'int8-zeropoint', 'int4'] as const)(
    'of %s weights is one that the kernels take',
    async (scheme) => {
      const source = await scratchFolder();
      await writeTinyCheckpoint(source, {});
      const directory = path.join(await scratchFolder(), scheme);
      await quantizeFolder(source, directory, scheme);
      expect(await outcome(await (await ensureGraph(directory)).cudaText(), directory)).toBe(
        accepted,
      );
    },
  );

  it('is refused where the kernels cannot run it, or sizes contradict, before a device is looked for', async () => {
    const { directory, plan } = await tinyPlan({});
    const changed = (from: RegExp, to: string): Promise<string | null> => {
      const text = plan.replace(from, to);
      expect(text).not.toBe(plan);
      return outcome(text, directory);
    };
    expect(await changed(/softcap=0/, 'softcap=0 sharpness=2')).toBe('unsupported-model');
    expect(await changed(/head_dim=16/, 'head_dim=12')).toBe('unsupported-model');
    expect(await changed(/^node Linear layers.1.up/m, 'node Conv layers.1.up')).toBe(
      'unsupported-model',
    );
    expect(await changed(/^node SiluMul layers.1.gated .*$/m, '')).toBe('unsupported-model');
    expect(await changed(/$/, 'node Unheard more\n')).toBe('unsupported-model');
    expect(await changed(/(layers\.0\.q .*1=BF16@0:\d+:)\d+/, '$112')).toBe('malformed-file');
    expect(await changed(/heads=4/, 'heads=3')).toBe('malformed-file');
    expect(await changed(/BF16@0:/, 'BF16@7:')).toBe('invalid-input');
    expect(await changed(/^file /m, 'file ../')).toBe('invalid-input');
    expect(await changed(/F32#../, 'F32#zz')).toBe('invalid-input');
    expect(await changed(/$/, 'surprise\n')).toBe('invalid-input');
    expect(await outcome('', directory)).toBe('unsupported-model');
  });
});
