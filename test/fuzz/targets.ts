// What a hostile folder is given to: the product's own doors, from the first look at it to an answer.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openCatalog } from '../../app/catalog/index.ts';
import { openCheckpoint } from '../../app/checkpoint/index.ts';
import { readDecoder } from '../../app/models/index.ts';
import { schemeNames } from '../fixtures/known-schemes.ts';
import { registerArtifact } from '../../app/engine/register/register-artifact.ts';
import { planQuantization } from '../../app/quantize/index.ts';
import { encodePrompt } from '../../app/run/index.ts';
import { loadChatTemplate } from '../../app/run/template/chat-template.ts';
import { loadTokenizer } from '../../app/run/tokenizer/load-tokenizer.ts';
import { createRunner } from '../../app/runner.ts';
import { Model } from '../../native-kernels/index.ts';
import { quantizeFolder } from '../fixtures/quantize-folder.ts';
import { ARTIFACTS, CHECKPOINTS, FAMILIES, TEMPLATES, TOKENIZERS } from './corpus.ts';
import type { Random } from './random.ts';

export interface Target {
  /** The corpus' folders that it begins with. */
  readonly bases: readonly string[];
  /** The files that are changed, at least one at a time. */
  readonly files: RegExp;
  /** What is done with the folder. Whatever it throws needs a code. */
  readonly run: (directory: string, random: Random) => Promise<void>;
}

const call = { signal: new AbortController().signal, emit: (): void => undefined };
const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 };

/** Has all of `steps` done, and throws what the first that failed threw: one step's refusal hides no other's fault. */
async function each(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps)
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  for (const failure of failures) throw failure;
}

async function lookAtCheckpoint(directory: string, random: Random): Promise<void> {
  const checkpoint = await openCheckpoint(directory);
  try {
    const { tensors, config } = checkpoint;
    await each([
      () => Promise.resolve(readDecoder(config)),
      () =>
        Promise.resolve(planQuantization({ tensors, config, scheme: random.pick(schemeNames) })),
      async () => {
        for (const tensor of tensors.slice(0, 20)) await checkpoint.readStart(tensor, 4096);
      },
    ]);
  } finally {
    await checkpoint.close();
  }
}

const messages = [
  { role: 'system' as const, content: 'Be brief.' },
  {
    role: 'user' as const,
    content: 'Hello <|im_end|> wörld, ½ of\r\n 你好 \u{1F600} aaaaaaaaaaaaaaaaaaaaaaaaaaa!',
  },
];

/** Loads the folder as a runner does, and has a few tokens said. */
async function runModel(
  directory: string,
  mode: 'fast' | 'exact',
  ids = [1, 2, 3, 4, 5, 6, 7, 8, 9, 300],
): Promise<void> {
  const runner = createRunner();
  await runner.load({ directory, mode, device: 'cpu', threads: 1, profile: false }, call);
  await runner.generate(
    {
      ids,
      sampling,
      maxTokens: 2,
      alternatives: 1,
      ignoreStopIds: true,
      reuse: false,
    },
    call,
  );
}

/** What a tokenizer and a template are asked for. */
async function converse(directory: string): Promise<void> {
  const runner = createRunner();
  await runner.load({ directory, mode: 'fast', device: 'cpu', threads: 1, profile: false }, call);
  await each([
    async () =>
      runner.tokenize(
        { text: `${messages[1]?.content ?? ''} `.repeat(20), addSpecialTokens: true },
        call,
      ),
    async () => runner.detokenize({ ids: [0, 1, 2, 300, 4095, 17, 17, 17] }, call),
    async () => runner.countTokens({ messages }, call),
    async () =>
      runner.chat({ messages, sampling, maxTokens: 2, alternatives: 0, reuse: false }, call),
  ]);
}

/** A tokenizer alone, which takes no model: every kind, and many more inputs in the same time. */
async function tokenize(directory: string): Promise<void> {
  const tokenizer = await loadTokenizer(directory);
  const text = `${messages[1]?.content ?? ''} `.repeat(20);
  let ids: number[] = [0, 1, 2, 300, 4095, 17, 17, 17];
  await each([
    () => Promise.resolve((ids = tokenizer.encode(text, true))),
    () => Promise.resolve(tokenizer.decode(ids)),
    () => {
      const stream = tokenizer.stream();
      for (const id of ids.slice(0, 50)) stream.push(id);
      return Promise.resolve();
    },
    () => Promise.resolve(encodePrompt(tokenizer, null, messages, 512)),
  ]);
}

/** A chat template alone, with all that one can be given. */
async function renderTemplate(directory: string): Promise<void> {
  const template = await loadChatTemplate(directory, {}, { bos_token: '<s>', eos_token: '</s>' });
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
  await each([
    () => Promise.resolve(template?.render(messages)),
    () =>
      Promise.resolve(template?.render(messages.slice(1), { tools, addGenerationPrompt: false })),
  ]);
}

async function register(directory: string): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'nibble-fuzz-home-'));
  const catalog = openCatalog(path.join(home, 'catalog.db'));
  try {
    await registerArtifact({ catalog }, directory);
  } finally {
    catalog.close();
    await rm(home, { recursive: true, force: true });
  }
}

export const targets: Readonly<Record<string, Target>> = {
  checkpoint: {
    bases: CHECKPOINTS,
    files: /^config\.json$|\.safetensors(\.index\.json)?$/,
    run: async (directory, random) => {
      await lookAtCheckpoint(directory, random);
      if (random.oneIn(4))
        await quantizeFolder(directory, path.join(directory, 'made'), random.pick(schemeNames));
    },
  },
  // Everything that tells one family from another: mixtures, windows, norms, scalings.
  family: {
    bases: FAMILIES,
    files: /^config\.json$|\.safetensors$/,
    run: async (directory, random) => {
      await lookAtCheckpoint(directory, random);
      const made = path.join(directory, 'made');
      await quantizeFolder(directory, made, random.pick(schemeNames));
      await runModel(made, random.oneIn(3) ? 'exact' : 'fast', [1, 2, 3, 4, 5, 6, 7, 8, 9, 150]);
    },
  },
  tokenizer: {
    bases: CHECKPOINTS.slice(0, 1),
    files: /^(tokenizer|tokenizer_config|generation_config|config)\.json$|\.jinja$/,
    run: converse,
  },
  'tokenizer-kinds': { bases: TOKENIZERS, files: /^tokenizer\.json$/, run: tokenize },
  template: { bases: TEMPLATES, files: /\.jinja$/, run: renderTemplate },
  library: {
    bases: ARTIFACTS,
    files: /^(config|nibble)\.json$|\.safetensors$/,
    run: register,
  },
  artifact: {
    bases: ARTIFACTS,
    files: /^config\.json$|\.safetensors$/,
    run: (directory, random) => runModel(directory, random.oneIn(3) ? 'exact' : 'fast'),
  },
  // The runtime alone: no product code writes such graphs, so what refuses them is the runtime.
  graph: {
    bases: ARTIFACTS,
    files: /^graph\.onnx$|\.safetensors$/,
    run: async (directory, random) => {
      const model = await Model.open({
        graphPath: path.join(directory, 'graph.onnx'),
        contextLength: 64,
        threads: 1,
        mode: random.pick(['fast', 'exact']),
        cacheType: random.pick(['f32', 'f16', 'int8']),
      });
      try {
        await model.evaluate([1, 2, 3, 4, 5, 6, 7, 8, 9], { rows: 'last' });
        await model.evaluate([10], { rows: 'last' });
      } finally {
        await model.close();
      }
    },
  },
};

const held: Buffer[] = [];

/** What each fault does that the harness has to notice: its own test runs them. */
const deeds: Readonly<Record<string, () => unknown>> = {
  'fault-crash': () => process.kill(process.pid, 'SIGSEGV'),
  'fault-hang': () => {
    for (;;);
  },
  'fault-memory': () => held.push(Buffer.alloc(700 * 1024 * 1024, 1)),
  'fault-codeless': () => {
    throw new TypeError('something is undefined');
  },
  'fault-none': () => null,
};
export const faults: Readonly<Record<string, Target>> = Object.fromEntries(
  Object.entries(deeds).map(([name, deed]): [string, Target] => [
    name,
    {
      bases: CHECKPOINTS.slice(0, 1),
      files: /^config\.json$/,
      run: async () => {
        await Promise.resolve(deed());
      },
    },
  ]),
);

/** The files of `directory` that a target changes, in order. */
export async function changeableFiles(directory: string, target: Target): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => target.files.test(name)).sort();
  if (names.length === 0) throw new Error(`${directory} has no file for this target`);
  return names;
}
