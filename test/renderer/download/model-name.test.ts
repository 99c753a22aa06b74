import { describe, expect, it } from 'vitest';
import { readTyped, shownName } from '../../../renderer/views/download/model-name.ts';

function repository(text: string): string | null {
  const typed = readTyped(text);
  return typed.kind === 'repository' ? typed.source : null;
}

describe('readTyped', () => {
  it.each([
    ['owner/name', 'owner/name'],
    ['  owner/name \n', 'owner/name'],
    ['owner/name@v1.0', 'owner/name@v1.0'],
    ['owner/name@refs/pr/3', 'owner/name@refs/pr/3'],
    ['owner/name@main', 'owner/name'],
    ['https://huggingface.co/owner/name', 'owner/name'],
    ['https://huggingface.co/owner/name/', 'owner/name'],
    ['http://127.0.0.1:8000/owner/name', 'owner/name'],
    ['huggingface.co/owner/Name-1.5B', 'owner/Name-1.5B'],
    ['hf.co/owner/name', 'owner/name'],
    ['https://huggingface.co/owner/name/tree/main', 'owner/name'],
    ['https://huggingface.co/owner/name/tree/abc123', 'owner/name@abc123'],
    ['https://huggingface.co/owner/name/blob/abc123/config.json', 'owner/name@abc123'],
    ['https://huggingface.co/owner/name?library=transformers#x', 'owner/name'],
  ])('reads %s as a repository', (text, source) => {
    expect(repository(text)).toBe(source);
  });

  it.each([
    'https://huggingface.co/datasets/owner/name',
    'https://huggingface.co/spaces/owner/name',
    'https://huggingface.co/owner',
    'https://huggingface.co/owner/name/discussions',
    'owner/name/more',
    'owner/name@../../etc',
    '-owner/name',
    'owner/.name',
    'owner/na me',
    'smollm',
  ])('takes %s for words to search', (text) => {
    expect(readTyped(text).kind).toBe('query');
  });

  it.each(['/models/a', '~/models/a', './a', '../a', 'C:\\models\\a', 'd:/models', '\\\\nas\\a'])(
    'takes %s for a folder',
    (text) => {
      expect(readTyped(text)).toEqual({ kind: 'folder', directory: text });
    },
  );

  it('finds nothing in blanks', () => {
    expect(readTyped('  ').kind).toBe('nothing');
  });
});

describe('shownName', () => {
  it('is the last part of a path, and a repository whole', () => {
    expect(shownName('/data/models/tiny/')).toBe('tiny');
    expect(shownName('C:\\models\\tiny')).toBe('tiny');
    expect(shownName('owner/name@v1')).toBe('owner/name@v1');
  });
});
