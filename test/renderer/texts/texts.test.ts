import i18next from 'i18next';
import { afterEach, describe, expect, it } from 'vitest';
import { formatBits, formatBytes, formatWhole } from '../../../renderer/texts/format.ts';
import '../../../renderer/texts/texts.ts';

const plain = (text: string): string => text.replaceAll('\u202f', ' ');

afterEach(async () => {
  await i18next.changeLanguage('en');
});

describe('texts with numbers', () => {
  it('group thousands as the language does, plural or not', async () => {
    await i18next.changeLanguage('en');
    expect(i18next.t('compare:tokens', { count: 28_883 })).toBe('28,883 tokens');
    expect(i18next.t('compare:tokens', { count: 1 })).toBe('1 token');
    await i18next.changeLanguage('de');
    expect(i18next.t('compare:tokens', { count: 28_883 })).toBe('28.883 Token');
  });

  it('leave alone what is given as text', async () => {
    await i18next.changeLanguage('de');
    expect(i18next.t('compare:saved.sampled', { temperature: 0.8, seed: '123456' })).toContain(
      '123456',
    );
    expect(i18next.t('compare:saved.sampled', { temperature: 0.8, seed: '1' })).toContain('0,8');
  });

  it('follow a change of the language at once', async () => {
    await i18next.changeLanguage('de');
    expect(plain(formatBits(6.923))).toBe('6,923 Bit');
    expect(plain(formatBytes(4_724_000_000))).toBe('4,72 GB');
    await i18next.changeLanguage('en');
    expect(plain(formatBits(6.923))).toBe('6.923 bits');
    expect(formatWhole(1024)).toBe('1,024');
  });
});
