import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  artifactSchema,
  checkpointSchema,
  evaluationSchema,
} from '../../app/contract/checkpoint.ts';
import { comparisonSchema } from '../../app/contract/comparison.ts';
import { runCli, runJson } from '../fixtures/run-cli.ts';

const demoSchema = z.object({
  checkpoint: checkpointSchema,
  artifacts: z.array(artifactSchema),
  evaluations: z.array(evaluationSchema),
  question: z.string(),
  answer: z.object({ text: z.string() }),
  comparison: comparisonSchema,
});
const chatSchema = z.object({
  text: z.string(),
  weightsSha256: z.string(),
  sampling: z.object({ seed: z.int() }),
});
const generateSchema = z.object({ ids: z.array(z.int()), logits: z.string().nullable() });

let home: string;
let demo: z.infer<typeof demoSchema>;

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'nibble-job-'));
  demo = demoSchema.parse(await runJson(['demo'], { home }));
}, 240_000);
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

function idOf(scheme: string): string {
  const artifact = demo.artifacts.find((candidate) => candidate.scheme === scheme);
  if (artifact === undefined) throw new Error(`the demo made no ${scheme}`);
  return artifact.id;
}

async function chat(...args: string[]): Promise<z.infer<typeof chatSchema>> {
  return chatSchema.parse(await runJson(['chat', idOf('nf4-dq'), ...args], { home }));
}

describe('nibble demo', () => {
  it('makes every scheme from what the hub served, each smaller than the last', () => {
    expect(demo.artifacts.map((artifact) => artifact.scheme)).toEqual([
      'bf16',
      'llm-int8',
      'nf4',
      'nf4-dq',
    ]);
    expect(demo.checkpoint.origin.commit).toMatch(/^[0-9a-f]{40}$/);
    const sizes = demo.artifacts.map((artifact) => artifact.weightsBytes);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    for (const artifact of demo.artifacts) expect(existsSync(artifact.directory)).toBe(true);
  });

  it('measures a loss that grows as the bits shrink', () => {
    const [bf16, int8, nf4] = demo.evaluations;
    expect(bf16?.meanKl).toBeNull();
    expect(int8?.meanKl).toBeGreaterThan(0);
    expect(nf4?.meanKl).toBeGreaterThan(int8?.meanKl ?? Number.NaN);
    expect(nf4?.perplexity).toBeGreaterThan(bf16?.perplexity ?? Number.NaN);
    // 8 bit stays close to the reference: well within one percent.
    expect(Math.abs((int8?.perplexity ?? 0) / (bf16?.perplexity ?? 1) - 1)).toBeLessThan(0.01);
    // A model that has learned the text: guessing evenly would give the size of the vocabulary.
    expect(bf16?.perplexity).toBeLessThan(20);
  });

  it('answers in words', () => {
    expect(demo.answer.text.trim().split(/\s+/).length).toBeGreaterThan(3);
  });

  it('compares 4 bit with 8 bit and names whose weights spoke', () => {
    const { answers, divergences } = demo.comparison;
    expect(answers.map((answer) => answer.scheme)).toEqual(['llm-int8', 'nf4-dq']);
    expect(divergences).toHaveLength(1);
    for (const answer of answers) {
      const artifact = demo.artifacts.find((candidate) => candidate.id === answer.artifactId);
      expect(answer.weightsSha256).toBe(artifact?.weightsSha256);
    }
  });

  it('does nothing twice when it is run again', async () => {
    const again = demoSchema.parse(await runJson(['demo'], { home }));
    expect(again.artifacts).toEqual(demo.artifacts);
    expect(again.comparison.answers.map((answer) => answer.text)).toEqual(
      demo.comparison.answers.map((answer) => answer.text),
    );
  }, 240_000);
});

describe('the same seed', () => {
  it('gives the same answer in fresh processes, also after another conversation', async () => {
    const first = await chat('--prompt', 'Tell me a story.', '--seed', '7', '--temperature', '0.8');
    await chat('--prompt', 'What is two plus three?', '--seed', '8', '--temperature', '0.8');
    const second = await chat(
      '--prompt',
      'Tell me a story.',
      '--seed',
      '7',
      '--temperature',
      '0.8',
    );
    expect(second.text).toBe(first.text);
    const other = await chat('--prompt', 'Tell me a story.', '--seed', '9', '--temperature', '0.8');
    expect(other.text).not.toBe(first.text);
  });

  it('gives the same answer in one process after another conversation', async () => {
    const ask = 'Tell me a story.';
    const args = ['chat', idOf('nf4-dq'), '--seed', '7', '--temperature', '0.8'];
    const { stdout } = await runCli([...args, '--no-save'], {
      home,
      input: `${ask}\n/reset\nHello!\n/reset\n${ask}\n`,
    });
    const { text } = await chat('--prompt', ask, '--seed', '7', '--temperature', '0.8');
    expect(stdout.split(text.trim())).toHaveLength(3);
  });

  it('gives the same texts in three comparisons', async () => {
    const texts = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const comparison = comparisonSchema.parse(
        await runJson(
          [
            'compare',
            idOf('llm-int8'),
            idOf('nf4'),
            '--prompt',
            'Tell me a story.',
            '--seed',
            '3',
            '--temperature',
            '0.9',
            '--max-tokens',
            '60',
          ],
          { home },
        ),
      );
      texts.add(JSON.stringify(comparison.answers.map((answer) => answer.text)));
    }
    expect(texts.size).toBe(1);
  });

  it('gives the same answer for any number of threads', async () => {
    const one = await chat('--prompt', 'Hello!', '--temperature', '0', '--threads', '1');
    const three = await chat('--prompt', 'Hello!', '--temperature', '0', '--threads', '3');
    expect(three.text).toBe(one.text);
  });
});

describe('the catalog', () => {
  it('shows the tensors with the largest error first', async () => {
    const { stdout, code } = await runCli(['show', idOf('nf4')], { home });
    expect(code).toBe(0);
    expect(stdout).toMatch(/largest relative error/);
    expect(stdout).toMatch(/model\.layers\.\d+\./);
  });

  it('finds a byte that was changed behind its back', async () => {
    const id = idOf('nf4');
    expect(await runJson(['verify', id], { home })).toMatchObject({ ok: true });
    const file = path.join(
      demo.artifacts.find((artifact) => artifact.id === id)?.directory ?? '',
      'model.safetensors',
    );
    const bytes = readFileSync(file);
    const spot = bytes.length - 1000;
    bytes[spot] = (bytes[spot] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const changed = await runCli(['--json', 'verify', id], { home });
    expect(changed.code).toBe(1);
    expect(JSON.parse(changed.stdout)).toMatchObject({ ok: false });
    bytes[spot] = (bytes[spot] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(await runJson(['verify', id], { home })).toMatchObject({ ok: true });
  });

  it('names an artifact whose weights were cut short, instead of crashing', async () => {
    const made = artifactSchema
      .array()
      .parse(await runJson(['quantize', demo.checkpoint.id, '--scheme', 'fp4'], { home }))[0];
    const file = path.join(made?.directory ?? '', 'model.safetensors');
    truncateSync(file, Math.floor(statSync(file).size / 2));
    const { code, stderr } = await runCli(['chat', made?.id ?? '', '--prompt', 'Hello!'], { home });
    expect(code).toBe(1);
    expect(stderr).toContain('model.safetensors');
    expect(await runJson(['remove', made?.id ?? '', '--yes'], { home })).toMatchObject({
      deletedFiles: true,
    });
  });

  it('frees what it says, and forgets', async () => {
    const made = artifactSchema
      .array()
      .parse(
        await runJson(
          ['quantize', demo.checkpoint.id, '--scheme', 'int8-absmax,int8-zeropoint,int4,fp4-dq'],
          { home },
        ),
      );
    expect(made).toHaveLength(4);
    for (const artifact of made) {
      const { text } = chatSchema.parse(
        await runJson(['chat', artifact.id, '--prompt', 'Hello!', '--temperature', '0'], { home }),
      );
      expect(text.trim()).not.toBe('');
      const removed = await runJson(['remove', artifact.id, '--yes'], { home });
      // What an answer left beside the weights, the record of what was measured, is freed too.
      expect(removed).toMatchObject({ deletedFiles: true });
      const { freedBytes } = z.object({ freedBytes: z.int() }).parse(removed);
      expect(freedBytes - artifact.sizeBytes).toBeGreaterThanOrEqual(0);
      expect(freedBytes - artifact.sizeBytes).toBeLessThan(4096);
      expect(existsSync(artifact.directory)).toBe(false);
    }
    const { artifacts } = z
      .object({ artifacts: z.array(artifactSchema) })
      .parse(await runJson(['list'], { home }));
    expect(artifacts.map((artifact) => artifact.id).sort()).toEqual(
      demo.artifacts.map((artifact) => artifact.id).sort(),
    );
  });
});

describe('nibble generate', () => {
  it('continues raw ids and writes the logits of every prompt position', async () => {
    const file = path.join(home, 'logits.safetensors');
    const result = generateSchema.parse(
      await runJson(
        ['generate', idOf('bf16'), '--ids', '1,5,9,200', '--max-tokens', '8', '--logits', file],
        { home },
      ),
    );
    expect(result.ids.length).toBeGreaterThan(0);
    const bytes = readFileSync(file);
    const headerBytes = Number(bytes.readBigUInt64LE(0));
    const header = z
      .object({
        logits: z.object({
          dtype: z.literal('F32'),
          shape: z.array(z.int()),
          data_offsets: z.tuple([z.int(), z.int()]),
        }),
      })
      .parse(JSON.parse(bytes.subarray(8, 8 + headerBytes).toString('utf8')));
    const [rows = 0, vocabulary = 0] = header.logits.shape;
    const [start, end] = header.logits.data_offsets;
    expect(rows).toBe(4);
    expect(end - start).toBe(rows * vocabulary * 4);
    // The first generated id is the largest of the last row.
    const last = new Float32Array(vocabulary);
    for (let k = 0; k < vocabulary; k++)
      last[k] = bytes.readFloatLE(8 + headerBytes + start + ((rows - 1) * vocabulary + k) * 4);
    expect(result.ids[0]).toBe(last.indexOf(Math.max(...last)));
  });
});

describe('nibble chat, line by line', () => {
  it('goes on after a question that fails', async () => {
    const long = 'Tell me a story. '.repeat(4_000);
    const { code, stdout, stderr } = await runCli(
      ['chat', idOf('nf4-dq'), '--no-save', '--max-tokens', '5', '--temperature', '0'],
      { home, input: `${long}\nTell me a story.\n` },
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/nibble: .*tokens/);
    expect(stdout.trim()).not.toBe('');
  });

  it('has no token outside of the vocabulary', async () => {
    const { code, stderr } = await runCli(['generate', idOf('nf4-dq'), '--ids', '99999999'], {
      home,
    });
    expect(code).toBe(2);
    expect(stderr).toContain('99999999');
  });
});
