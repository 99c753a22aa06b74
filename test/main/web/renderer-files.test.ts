import { describe, expect, it } from 'vitest';
import { cacheControl, isPagePath } from '../../../main/page/renderer-files.ts';

describe('what the page consists of', () => {
  it('tells pages from files', () => {
    for (const page of ['/', '/chat/3', '/library/qwen2.5-0.5b-nf4', '/v1x', '/assets-of-mine'])
      expect(isPagePath(page)).toBe(true);
    for (const file of [
      '/icon.svg',
      '/index.html',
      '/assets/x',
      '/assets/index-Ab3_x9Zk.js',
      '/.source-sha256',
      '/a/.git/config',
      '/rpc/engine',
      '/v1/models',
      '/v1',
    ])
      expect(isPagePath(file)).toBe(false);
  });

  it('lets only files with a hash in their name be kept', () => {
    for (const file of [
      '/r/assets/index-Ab3_x9Zk.js',
      'C:\\r\\assets\\index-Ab3_x9Zk.css',
      '/r/assets/index-Ab3_x9Zk.js.br',
    ])
      expect(cacheControl(file)).toContain('immutable');
    for (const file of ['/r/index.html', '/r/icon.svg', '/r/assets/logo.svg', '/assets/r/x.js'])
      expect(cacheControl(file)).toBe('no-cache');
  });
});
