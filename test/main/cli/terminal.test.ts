import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { painted, styled } from '../../../main/cli/terminal.ts';
import { runCli } from '../../fixtures/run-cli.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('the terminal', () => {
  it('has one writer', () => {
    const writes =
      /process\.std(?:out|err)|process\[['"]std|console\.|from 'node:(?:process|console|tty)'/;
    const found = ['main', 'app']
      .flatMap((folder) =>
        readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
          path.join(folder, name),
        ),
      )
      .filter(
        (file) => file.endsWith('.ts') && writes.test(readFileSync(path.join(root, file), 'utf8')),
      );
    // The desktop turns the console of its log off.
    expect(found.map((file) => file.split(path.sep).join('/')).sort()).toEqual([
      'main/cli/terminal.ts',
      'main/shell/log-file.ts',
    ]);
  });

  it('shows our styles around strangers’ words, and theirs nowhere', () => {
    const text = `${styled('bold', 'na\u001b[31mme')} and \u001b[1mmore\ufdd01\ufdd1`;
    expect(painted(text)).toBe('\u001b[1mname\u001b[22m and more1');
  });

  it('cleans what a command was given, in errors of usage and of the engine', async () => {
    const home = await scratchFolder();
    const evil = 'x\u001b]52;c;aGk=\u0007\u001b[2J\u202ey';
    for (const args of [['show', evil], ['list', `--${evil}`], [evil], ['verify', `${evil}\nok`]]) {
      const { stderr, stdout } = await runCli(args, { home });
      // eslint-disable-next-line no-control-regex -- control characters are exactly what must not be there
      expect(stderr + stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(stderr).toContain('xy');
    }
  });
});
