import { describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../../renderer/views/chat/public-address.ts';

describe('an address of the internet', () => {
  it.each([
    'https://huggingface.co/a/b',
    'http://example.org',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'https://localhost.example.org',
  ])('is %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    'http://127.0.0.1:9999/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://0/',
    'http://localhost:80/',
    'http://LOCALHOST./',
    'http://app.localhost/',
    'http://printer/',
    'http://nas.local/',
    'http://10.1.2.3/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://100.64.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[fe80::1]/',
    'http://[fd00::1]/',
    'https://user@example.org/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'not an address',
    '',
  ])('is not %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
