import { describe, expect, it } from 'vitest';
import { linkTarget } from '../../../renderer/views/chat/markdown/link-target.ts';

describe('a link that a model wrote', () => {
  it('leads to pages of the public web, and names their host', () => {
    expect(linkTarget('https://example.com/a?b#c')).toEqual({
      href: 'https://example.com/a?b#c',
      host: 'example.com',
    });
    expect(linkTarget('http://93.184.216.34:8080/')?.host).toBe('93.184.216.34:8080');
    expect(linkTarget('https://[2606:2800:220:1::1]/')?.host).toBe('[2606:2800:220:1::1]');
  });

  it.each([
    'https://huggingface.co/a/b',
    'http://example.org',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'https://localhost.example.org',
  ])('leads to %s', (href) => {
    expect(linkTarget(href)).not.toBeNull();
  });

  it.each([
    'http://localhost:6422/?token=x',
    'http://LOCALHOST./',
    'http://app.localhost/',
    'http://127.0.0.1:6422/',
    'http://127.0.0.1:9999/',
    'http://127.1/',
    'http://0x7f000001/',
    'http://0/',
    'http://localhost:80/',
    'http://printer/',
    'http://nas.local/',
    'http://nothing.invalid/',
    'http://192.168.1.1/',
    'https://user@example.org/',
    'javascript:alert(1)',
    'not an address',
    '',
    'http://2130706433/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://0.0.0.0/',
    'http://１２７.０.０.１/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[fe80::1]/',
    'http://[fd00::1]/',
    'http://[2002:7f00:1::]/',
    'http://10.1.2.3/',
    'http://172.16.0.1/',
    'http://172.31.255.255/',
    'http://192.168.1.1/admin',
    'http://169.254.169.254/latest/meta-data',
    'http://100.64.0.1/',
    'http://router/',
    'http://printer.local/',
    'http://nas.lan/',
    'http://x.home.arpa/',
    'https://example.com@127.0.0.1/',
    'https://user:password@example.com/',
    'data:text/html,x',
    'file:///etc/passwd',
    '#/settings',
    '/v1/models',
    '//127.0.0.1/',
    'https://',
    undefined,
  ])('is not one where it leads to this computer, its network or another program: %s', (href) => {
    expect(linkTarget(href)).toBeNull();
  });

  it('leads to neighbours of the private ranges', () => {
    for (const href of [
      'http://172.15.0.1/',
      'http://172.32.0.1/',
      'http://100.128.0.1/',
      'http://11.0.0.1/',
    ])
      expect(linkTarget(href)).not.toBeNull();
  });
});
