import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RepositoryFile } from '../../../app/hub/index.ts';
import {
  isRepositoryName,
  isSafePath,
  otherHubOf,
  parseRepositoryName,
  selectFiles,
} from '../../../app/hub/index.ts';
import { ScratchFolder } from '../../fixtures/hub-model.ts';
import { LocalSession, NAME } from './local-session.ts';

const HOSTILE = [
  '../model.safetensors',
  'a/../../model.safetensors',
  '/etc/model.safetensors',
  '..\\model.safetensors',
  'C:model.safetensors',
  'C:\\Windows\\model.safetensors',
  'model.safetensors\0.txt',
  'nul.safetensors',
  'COM1.safetensors',
  './model.safetensors',
  'a//model.safetensors',
  `${'a'.repeat(300)}.safetensors`,
  'model.safetensors.',
  '\u001b[2Jmodel.safetensors',
  '',
];

function file(path: string): RepositoryFile {
  return { path, sizeBytes: 10, sha256: 'a'.repeat(64), gitBlobSha1: null };
}

function chosen(...paths: string[]): string[] {
  return selectFiles(paths.map(file)).map(({ path }) => path);
}

describe('otherHubOf', () => {
  const mirror = 'http://127.0.0.1:8000';
  const hub = 'https://huggingface.co';
  it.each([
    ['https://huggingface.co/maker/model', mirror, 'huggingface.co'],
    ['https://hf.co/maker/model', mirror, 'hf.co'],
    ['HTTPS://HF.co/maker/model', hub, null],
    ['https://www.huggingface.co/maker/model', hub, null],
    ['https://mirror.example/maker/model', hub, 'mirror.example'],
    ['http://127.0.0.1:8000/maker/model', mirror, null],
    ['http://127.0.0.1:9000/maker/model', mirror, '127.0.0.1:9000'],
    ['maker/model', mirror, null],
  ])('of %s, asked at %s, is %s', (text, endpoint, host) => {
    expect(otherHubOf(text, endpoint)).toBe(host);
  });
});

describe('a repository’s name', () => {
  it.each([
    ['maker/model', 'maker/model', 'main'],
    ['  maker/model ', 'maker/model', 'main'],
    ['maker/Model-1.5_b@v1.0', 'maker/Model-1.5_b', 'v1.0'],
    ['maker/model@refs/pr/1', 'maker/model', 'refs/pr/1'],
    ['https://huggingface.co/maker/model', 'maker/model', 'main'],
    ['https://huggingface.co/maker/model/tree/dev', 'maker/model', 'dev'],
    ['https://mirror.example/maker/model/blob/main/config.json?x=1', 'maker/model', 'main'],
    ['maker/model@feature/x', 'maker/model', 'feature/x'],
    ['https://huggingface.co/maker/model/tree/feature/x', 'maker/model', 'feature/x'],
    ['https://huggingface.co/maker/model/tree/feature%2Fx', 'maker/model', 'feature/x'],
    ['https://huggingface.co/maker/model/tree/feature%2Fx/onnx', 'maker/model', 'feature/x'],
    ['https://huggingface.co/maker/model/tree/refs/pr/1', 'maker/model', 'refs/pr/1'],
    ['https://huggingface.co/maker/model/blob/feature/x/config.json', 'maker/model', 'feature/x'],
    ['https://huggingface.co/maker/model/tree/main/onnx', 'maker/model', 'main'],
  ])('reads %s', (text, name, revision) => {
    expect(parseRepositoryName(text)).toEqual({ name, revision });
    expect(isRepositoryName(text)).toBe(true);
  });

  it.each([
    '',
    'model',
    'a/b/c',
    '../b',
    'a/..',
    './model',
    '/home/me',
    'a/b@',
    'a/b@../../x',
    'a/b?c',
    'a b/c',
    'ftp://huggingface.co/a/b',
    'https://huggingface.co/a',
    'https://huggingface.co/a/%2e%2e/b',
    'https://huggingface.co/%E0%A4%A/b',
    'C:\\models\\x',
  ])('refuses %j', (text) => {
    expect(isRepositoryName(text)).toBe(false);
    expect(() => parseRepositoryName(text)).toThrow(
      expect.objectContaining({ code: 'invalid-input' }) as Error,
    );
  });
});

describe('the choice of files', () => {
  it('takes one set of weights, configuration, tokenizer and terms', () => {
    expect(
      chosen(
        'model.safetensors',
        'model.fp16.safetensors',
        'consolidated.safetensors',
        'pytorch_model.bin',
        'tf_model.h5',
        'flax_model.msgpack',
        'onnx/model.onnx',
        'training_args.pt',
        'config.json',
        'tokenizer.model',
        'LICENSE.txt',
        'LICENSE.bin',
        'USE_POLICY.md',
        'images/README.md',
        '.gitattributes',
      ),
    ).toEqual([
      'config.json',
      'tokenizer.model',
      'LICENSE.txt',
      'USE_POLICY.md',
      'model.safetensors',
    ]);
  });

  it('takes the shards with their index, but no second copy of them', () => {
    expect(
      chosen(
        'config.json',
        'model.safetensors.index.json',
        'model-00001-of-00002.safetensors',
        'model-00002-of-00002.safetensors',
        'consolidated-00001-of-00001.safetensors',
        'model.fp16-00001-of-00001.safetensors',
      ),
    ).toEqual([
      'config.json',
      'model.safetensors.index.json',
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
    ]);
    expect(
      chosen(
        'config.json',
        'model.safetensors.index.json',
        'model.safetensors-00001-of-00001.safetensors',
        'consolidated.safetensors',
      ),
    ).toContain('model.safetensors-00001-of-00001.safetensors');
  });

  it.each([
    [['config.json', 'pytorch_model.bin'], 'pickle'],
    [['config.json', 'model.Q4_K_M.gguf'], 'GGUF'],
    [['config.json', 'model.safetensors.index.json'], 'no safetensors'],
    [['config.json', 'adapter_model.safetensors'], 'layout of transformers'],
    [['model.safetensors'], 'config.json'],
    [[], 'no safetensors'],
  ])('refuses %j', (paths, words) => {
    expect(() => chosen(...paths)).toThrow(
      expect.objectContaining({
        code: 'unsupported-model',
        message: expect.stringContaining(words) as string,
      }) as Error,
    );
  });

  it.each(HOSTILE.filter((name) => name.endsWith('.safetensors')))(
    'refuses the file name %j',
    (name) => {
      expect(isSafePath(name)).toBe(false);
      expect(() => chosen('config.json', 'model.safetensors', name)).toThrow(
        expect.objectContaining({ code: 'malformed-file' }) as Error,
      );
    },
  );
});

describe('a hostile listing', () => {
  it.each(HOSTILE)('cannot write to %j', async (name) => {
    using outside = new ScratchFolder();
    await using session = await LocalSession.start();
    const repository = await session.hub.repository(NAME, 'main');
    await expect(
      session.pull({
        directory: outside.join('inside'),
        repository,
        files: [file(name)],
      }),
    ).rejects.toMatchObject({ code: 'malformed-file' });
    expect(readdirSync(outside.directory)).toEqual([]);
    expect(existsSync('/etc/model.safetensors')).toBe(false);
  });

  it('is refused when two names are one file on some disks', async () => {
    await using session = await LocalSession.start();
    await expect(
      session.pull({ files: [file('README.md'), file('readme.MD')] }),
    ).rejects.toMatchObject({ code: 'malformed-file' });
  });
});
