import i18next from 'i18next';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError, because, errorCodes } from '../../../app/contract/error.ts';
import { errorReasons } from '../../../app/contract/error-reasons.ts';
import { errorText, errorWords, writtenFacts } from '../../../renderer/errors/error-words.ts';
import { nextSteps } from '../../../renderer/errors/next-steps.ts';
import { reasons as german } from '../../../renderer/texts/de/reasons.ts';
import { reasons as english } from '../../../renderer/texts/en/reasons.ts';

/** What only a person at a command line can use. */
const COMMAND_LINE = /--[a-z]|\bnibble [a-z]+ |HF_|NIBBLE_|same command|npm /;

afterEach(async () => {
  await i18next.changeLanguage('en');
});

describe('errors in the window', () => {
  it('have words for every reason in both languages, made of its facts alone', () => {
    for (const [reason, facts] of Object.entries(errorReasons))
      for (const words of [english, german]) {
        const entry = (words as Record<string, { what: string; next: string }>)[reason];
        expect(entry, reason).toBeDefined();
        expect(entry?.what, reason).not.toBe('');
        const named = [...`${entry?.what} ${entry?.next}`.matchAll(/\{\{(\w+)\}\}/g)];
        for (const [, name = ''] of named) expect(Object.keys(facts), reason).toContain(name);
        expect(`${entry?.what} ${entry?.next}`).not.toMatch(COMMAND_LINE);
      }
  });

  it('say in words why a connection failed, and never its code', async () => {
    for (const language of ['en', 'de']) {
      await i18next.changeLanguage(language);
      const said = ['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'EOTHER', ''].map(
        (cause) =>
          errorText(
            new AppError(
              'network',
              `Cannot reach hub: ${cause}`,
              because('hub-unreachable', { host: 'hub.example', cause }),
            ),
          ),
      );
      for (const text of said) {
        expect(text).toContain('hub.example');
        expect(text).not.toMatch(/\bE[A-Z]{4,}|UND_|connection\.|\{\{| {2}/);
      }
      // Each way has a sentence of its own; what has none is told by what is said beside it.
      expect(new Set(said).size).toBe(5);
    }
  });

  it('leave out what the system calls a failed call, but for the path', () => {
    const of = (message: string): string => errorWords({ code: 'not-found', message }).what;
    expect(of("ENOENT: no such file or directory, open '/models/x'")).toBe('/models/x');
    expect(of('ENOSPC: no space left on device, write')).toBe('');
    expect(of("The folder /a cannot be opened: EACCES: permission denied, scandir '/a'")).toBe(
      'The folder /a cannot be opened: /a',
    );
    expect(of('It failed: EIO: i/o error, read')).toBe('It failed');
  });

  it('say what to do for every code, without the command line', async () => {
    for (const language of ['en', 'de']) {
      await i18next.changeLanguage(language);
      for (const code of errorCodes) {
        const { title, next } = errorWords({ code, message: 'x' });
        expect(title, code).not.toMatch(/^errors|^[a-z_]+\./);
        if (code !== 'aborted') expect(next, code).not.toBe('');
        expect(next).not.toMatch(COMMAND_LINE);
      }
    }
  });

  it('word a known reason, and never repeat the message and the remedy of the engine', () => {
    const error = new AppError('unsupported-model', 'x is already quantized (gptq).', {
      reason: 'already-quantized',
      facts: { method: 'gptq' },
      remedy: 'See: nibble list',
    });
    expect(errorWords(error).what).toMatch(/^The weights are already quantized \(gptq\)\./);
    expect(errorText(error)).not.toContain('nibble list');
  });

  it('write facts as the language does', async () => {
    const error = new AppError('invalid-input', '', {
      reason: 'context-overflow',
      facts: { promptTokens: 12_345, contextTokens: 8192 },
    });
    expect(errorWords(error).what).toContain('12,345 tokens');
    await i18next.changeLanguage('de');
    expect(errorWords(error).what).toContain('12.345 Token');
  });

  it('show what the engine says where a newer one gives a reason that is not known here', () => {
    const words = errorWords({
      code: 'unsupported-model',
      message: 'The model is of a new kind.',
      reason: 'of-a-new-kind',
      facts: {},
    });
    expect(words.what).toBe('The model is of a new kind.');
    expect(words.next).toBe('Choose another model.');
  });

  it('leave out what the engine says for the command line', () => {
    const words = errorWords({
      code: 'not-found',
      message: 'There is nothing called x. Name an id from: nibble list',
    });
    expect(words.what).toBe('There is nothing called x.');
    expect(errorText(new AppError('internal', 'UNIQUE constraint failed: jobs.id'))).not.toContain(
      'UNIQUE',
    );
    expect(errorWords({ code: 'internal', message: 'SQLITE_BUSY' }).details).toBe('SQLITE_BUSY');
  });

  it('end in one full stop, and hide nothing behind signs that turn text round', () => {
    expect(errorWords({ code: 'unauthorized', message: 'Invalid password..' }).what).toBe(
      'Invalid password.',
    );
    expect(writtenFacts('unknown-architecture', { architecture: 'a\u202eb\nc' })).toEqual({
      architecture: 'a b c',
    });
    // A fact that is missing, as an older engine would send it.
    expect(writtenFacts('unknown-architecture', {})).toEqual({ architecture: '' });
  });
});

describe('the next step after an error', () => {
  it('leads to where it is done', () => {
    expect(nextSteps({ code: 'unauthorized' }, null)).toContain('token');
    expect(nextSteps({ code: 'disk-full' }, null)).toEqual(['library', 'folders']);
    expect(nextSteps({ code: 'network' }, 'a/b')).toEqual([]);
    // An answer that broke off because its weights changed leads to where they are made again.
    expect(nextSteps({ code: 'checksum-mismatch', reason: 'weights-changed' }, 'model')).toEqual([
      'remake',
    ]);
  });

  it('names a page only of a repository, and getting again only of what is known', () => {
    expect(nextSteps({ code: 'gated' }, 'owner/name@main')).toEqual(['page', 'token']);
    expect(nextSteps({ code: 'gated' }, '/home/me/model')).toEqual(['token']);
    expect(nextSteps({ code: 'malformed-file' }, null)).toEqual([]);
    expect(nextSteps({ code: 'malformed-file' }, '/home/me/model')).toEqual(['remake']);
  });
});
