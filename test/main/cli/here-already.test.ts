import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { artifactSchema } from '../../../app/contract/checkpoint.ts';
import { startLocalHub, type LocalHub } from '../../../app/local-hub/index.ts';
import { runCli, runJson, type CliOptions } from '../../fixtures/run-cli.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

let hub: LocalHub;
let options: CliOptions;
let source: string;
const name = 'test/tiny';

beforeAll(async () => {
  source = await scratchFolder();
  await writeTinyCheckpoint(source);
  hub = await startLocalHub({ repositories: { [name]: { directory: source } } });
  options = { home: await scratchFolder(), environment: { HF_ENDPOINT: hub.endpoint } };
});
afterAll(() => hub.close());

const SINCE = /It has been here since \d{4}-\d\d-\d\d \d\d:\d\d/;

describe('what is here already', () => {
  it('is neither downloaded nor made again, and that is said', async () => {
    expect(await runJson(['pull', name], options)).toMatchObject({ isNew: true });
    expect(await runJson(['pull', name], options)).toMatchObject({ isNew: false });
    const pulled = await runCli(['pull', name], options);
    expect(pulled.stdout).toMatch(SINCE);
    expect(pulled.stdout).toContain('nothing was downloaded');

    const quantize = ['quantize', name, '--scheme', 'nf4,int4'];
    await runJson(['quantize', name, '--scheme', 'nf4'], options);
    expect(await runJson(quantize, options)).toMatchObject([
      { scheme: 'nf4', isNew: false },
      { scheme: 'int4', isNew: true },
    ]);
    const again = await runCli(quantize, options);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(SINCE);
    expect(again.stdout.match(/nothing was made/g)).toHaveLength(2);
    expect(again.stdout).toContain('made before');
  });

  it('but lacks a file by now is not called whole', async () => {
    const home = await scratchFolder();
    const [made] = artifactSchema
      .array()
      .parse(await runJson(['quantize', source, '--scheme', 'nf4'], { home }));
    const directory = made?.directory ?? '';
    rmSync(path.join(directory, 'model.safetensors'));
    const again = await runCli(['quantize', source, '--scheme', 'nf4', '--json'], { home });
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout)).toMatchObject({
      error: { reason: 'artifact-damaged', facts: { id: made?.id, file: 'model.safetensors' } },
    });
    expect(again.stderr).toContain(`nibble remove ${made?.id ?? ''}`);

    // Nor is its folder once it is gone: every command says which one it is.
    rmSync(directory, { recursive: true });
    const listed = await runCli(['list'], { home });
    expect(listed.stdout).toContain(
      `Folders that are not there\n${made?.id ?? ''}  ${directory}\n`,
    );
    for (const command of ['verify', 'chat']) {
      const { code, stderr } = await runCli([command, made?.id ?? ''], { home });
      expect([code, stderr]).toEqual([1, expect.stringContaining(directory)]);
      expect(stderr).toContain("isn't there");
    }
  });
});

describe('a link to another hub than the one that is set', () => {
  const link = `https://huggingface.co/${name}`;
  it('is looked up at the one that is set, and that is said', async () => {
    const looked = await runCli(['inspect', link, '--json'], options);
    expect(looked.stderr).toContain(
      `The link names huggingface.co; what is asked is ${hub.endpoint}`,
    );
    expect(JSON.parse(looked.stdout)).toMatchObject({
      endpoint: hub.endpoint,
      otherHub: 'huggingface.co',
    });
    const pulled = await runCli(['pull', link, '--json'], options);
    expect(pulled.stderr).toContain('The link names huggingface.co');
    expect(JSON.parse(pulled.stdout)).toMatchObject({ otherHub: 'huggingface.co' });
    const plain = await runCli(['inspect', name], options);
    expect(plain.stderr).not.toContain('The link names');
    expect(plain.stdout).toMatch(/Download: .* \(.* of weights, .* of tokenizer and other files\)/);
  });
});
