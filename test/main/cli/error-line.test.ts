import { describe, expect, it } from 'vitest';
import { AppError } from '../../../app/contract/error.ts';
import { errorReasons } from '../../../app/contract/error-reasons.ts';
import { errorLine } from '../../../main/cli/words/error-line.ts';
import { reasons } from '../../../main/cli/words/reasons.ts';

describe('an error on a line of the terminal', () => {
  it('has words for every reason, made of its facts alone', () => {
    for (const [reason, facts] of Object.entries(errorReasons)) {
      const words = (reasons as Record<string, { what: string; remedy: string }>)[reason];
      expect(words?.what, reason).toMatch(/\S/);
      const named = [...`${words?.what} ${words?.remedy}`.matchAll(/\{\{(\w+)\}\}/g)];
      for (const [, name = ''] of named) expect(Object.keys(facts), reason).toContain(name);
    }
  });

  it('names a command as the remedy', () => {
    const error = new AppError('invalid-input', 'x is a checkpoint.', {
      reason: 'checkpoint-not-runnable',
      facts: { id: 'smol', artifacts: '' },
    });
    expect(errorLine(error)).toMatch(
      /^nibble: smol is a checkpoint.*nibble quantize smol --scheme/,
    );
  });

  it('says in words why a hub cannot be reached, and keeps a code that it has no words for', () => {
    const unreachable = (cause: string): string =>
      errorLine(
        new AppError('network', '', {
          reason: 'hub-unreachable',
          facts: { host: 'hub.example', cause },
        }),
      );
    expect(unreachable('ENOTFOUND')).toMatch(
      /^nibble: hub\.example can't be reached\. Its name is not known to the network\. Check/,
    );
    expect(unreachable('ECONNREFUSED')).not.toContain('ECONNREFUSED');
    expect(unreachable('CERT_HAS_EXPIRED')).not.toContain('CERT_');
    expect(unreachable('UND_ERR_SOCKET')).not.toContain('UND_');
    expect(unreachable('EOTHER')).toContain('EOTHER');
    expect(unreachable('')).toMatch(/can't be reached\. +Check/);
  });

  it('writes facts as English does, on one line, with one full stop', () => {
    const error = new AppError('malformed-file', '', {
      reason: 'file-cut-short',
      facts: { file: 'a\nb.safetensors', bytes: 1000, expected: 2_500_000 },
    });
    const line = errorLine(error).replaceAll('\u202f', ' ');
    expect(line).toContain('a b.safetensors has 1.00 kB but must have 2.50 MB');
    expect(line).not.toContain('\n');
    const failed = new AppError('unsupported-model', '', {
      reason: 'already-quantized',
      facts: { method: 'gptq' },
    });
    expect(errorLine(failed)).not.toContain('..');
  });

  it('is what the engine says where a newer one gives a reason that is not known here', () => {
    const error = new AppError('internal', 'Something new', {
      remedy: 'Wait.',
      reason: 'of-tomorrow',
    });
    expect(errorLine(error)).toBe('nibble: Something new. Wait.');
  });
});
