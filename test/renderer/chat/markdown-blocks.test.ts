import { describe, expect, it } from 'vitest';
import { splitBlocks } from '../../../renderer/views/chat/markdown/markdown-blocks.ts';

describe('splitBlocks', () => {
  it('splits at blank lines and drops them', () => {
    expect(splitBlocks('one\nstill one\n\n\ntwo\n\n')).toEqual(['one\nstill one', 'two']);
    expect(splitBlocks('')).toEqual([]);
    expect(splitBlocks('a\r\n\r\nb')).toEqual(['a', 'b']);
  });

  it('keeps a fence whole, closed or not', () => {
    expect(splitBlocks('a\n\n```js\nx\n\ny\n```\n\nb')).toEqual(['a', '```js\nx\n\ny\n```', 'b']);
    expect(splitBlocks('```\nx\n\ny')).toEqual(['```\nx\n\ny']);
    expect(splitBlocks('~~~~\n```\n\n~~~\n\n~~~~\n\nb')).toEqual(['~~~~\n```\n\n~~~\n\n~~~~', 'b']);
  });

  it('takes no inline code for a fence', () => {
    expect(splitBlocks('```a``` b\n\nc')).toEqual(['```a``` b', 'c']);
  });

  it('keeps a list whole over blank lines', () => {
    const list = '1. one\n\n2. two\n\n   more of two\n\n3. three';
    expect(splitBlocks(`${list}\n\nafter`)).toEqual([list, 'after']);
    const nested = '- one\n\n  ```sh\n  a\n\n  b\n  ```\n\n- two';
    expect(splitBlocks(`${nested}\n\nafter`)).toEqual([nested, 'after']);
  });

  it('keeps a text whole in which something is defined', () => {
    const text = 'See [here][1].\n\nMore.\n\n[1]: https://example.com';
    expect(splitBlocks(text)).toEqual([text]);
  });

  it('leaves earlier blocks as they are while text is appended', () => {
    const text =
      '# T\n\npara one\n\n- a\n\n- b\n\n```py\nif x:\n\n  y\n```\n\n> quote\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nend';
    let before: string[] = [];
    for (let length = 1; length <= text.length; length++) {
      const now = splitBlocks(text.slice(0, length));
      expect(now.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
      before = now;
    }
    expect(before).toHaveLength(7);
  });
});
