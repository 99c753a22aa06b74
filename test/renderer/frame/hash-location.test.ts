import { describe, expect, it } from 'vitest';
import { splitHash } from '../../../renderer/frame/hash-location.ts';

describe('an address behind the #', () => {
  it('has a path and a query', () => {
    expect(splitHash('#/compare?with=a&with=b')).toEqual({
      path: '/compare',
      search: 'with=a&with=b',
    });
  });

  it('is the start page where there is none', () => {
    expect(splitHash('')).toEqual({ path: '/', search: '' });
    expect(splitHash('#')).toEqual({ path: '/', search: '' });
    expect(splitHash('#/')).toEqual({ path: '/', search: '' });
  });

  it('keeps question marks inside the query', () => {
    expect(splitHash('#chat?with=what?')).toEqual({ path: '/chat', search: 'with=what?' });
  });
});
