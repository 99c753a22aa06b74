import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, runJson } from '../../fixtures/run-cli.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'nibble-usage-'));
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

describe('nibble', () => {
  it('explains itself', async () => {
    const { code, stdout } = await runCli(['--help'], { home });
    expect(code).toBe(0);
    for (const command of [
      'doctor',
      'search',
      'inspect',
      'pull',
      'quantize',
      'add',
      'list',
      'show',
      'verify',
      'remove',
      'chat',
      'generate',
      'compare',
      'eval',
      'demo',
    ])
      expect(stdout).toContain(`\n  ${command}`);
  });

  it.each([
    ['a command that does not exist', ['frobnicate']],
    ['an option that does not exist', ['list', '--frobnicate']],
    ['a missing argument', ['show']],
    ['a scheme that does not exist', ['quantize', 'x', '--scheme', 'nf5']],
    ['a temperature that is no number', ['chat', 'x', '--temperature', 'hot']],
    ['ids that are no numbers', ['generate', 'x', '--ids', '1,two']],
    ['no ids', ['generate', 'x', '--ids', '']],
    ['an empty id', ['generate', 'x', '--ids', '1,,2']],
    ['a negative id', ['generate', 'x', '--ids=-1']],
    ['a huge id', ['generate', 'x', '--ids', '99999999999']],
    ['half an id', ['generate', 'x', '--ids', '1.5']],
    ['an id in hexadecimal', ['generate', 'x', '--ids', '0x10']],
    ['an empty number', ['search', 'x', '--limit', '']],
    ['a device that does not exist', ['quantize', 'x', '--scheme', 'nf4', '--device', 'tpu']],
    ['a limit beyond what a hub is asked', ['search', 'x', '--limit', '101']],
    ['a port that does not exist', ['serve', '--port', '65536']],
    ['an empty question', ['chat', 'x', '--prompt', ' ']],
    ['no command', []],
    ['one model to compare', ['compare', 'x', '--prompt', 'a']],
    ['one model, twice', ['compare', 'x', 'x', '--prompt', 'a']],
    ['more models than fit', ['compare', ...Array.from('abcdefghi'), '--prompt', 'a']],
  ])('ends with 2 for %s, and says so as for every error', async (_what, args) => {
    const { code, stderr, stdout } = await runCli([...args, '--json'], { home });
    expect(code).toBe(2);
    expect(stderr).toMatch(/(^|\n)nibble: \S.*\n$/);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'invalid-input',
        message: expect.stringMatching(/./) as string,
        remedy: expect.anything() as string,
        reason: null,
        facts: {},
      },
    });
  });

  it('says what is wrong on one line, and where to look', async () => {
    const { code, stderr, stdout } = await runCli(['list', '--frobnicate'], { home });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe("nibble: Unknown option '--frobnicate'. See: nibble list --help\n");
    const alone = await runCli(['compare', 'x', '--prompt', 'a'], { home });
    expect(alone.stderr).toContain('Name another one: nibble compare x OTHER-ID --prompt TEXT.');
    expect(alone.stderr.trim().split('\n')).toHaveLength(1);
  });

  it.each([
    ['an option', ['list', '--\u001b]52;c;eA==\u0007x\u001b[2J']],
    ['a command', ['\u001b]0;title\u0007\u009b31mred']],
    ['the value of an option', ['quantize', 'x', '--scheme', 'nf\u001b[2J5']],
    ['the text of a number', ['search', 'x', '--limit', '\u001b[8m9']],
  ])('never sends sequences of %s to the terminal', async (_what, args) => {
    for (const form of [[], ['--json']]) {
      const { code, stderr, stdout } = await runCli([...args, ...form], { home });
      expect(code).toBe(2);
      // eslint-disable-next-line no-control-regex -- they are what is looked for
      expect(stderr + stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  });

  it('says its version', async () => {
    const { code, stdout } = await runCli(['--version'], { home });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('says in words that a text to measure on is missing, or is a folder', async () => {
    const missing = path.join(home, 'missing.txt');
    const none = await runCli(['eval', 'x', '--text', missing], { home });
    expect(none.code).toBe(1);
    expect(none.stderr).toContain(`There is no file ${missing}. Name a text file`);
    const folder = await runCli(['eval', 'x', '--text', home], { home });
    expect(folder.code).toBe(1);
    expect(folder.stderr).toContain(`${home} is a folder, not a text file.`);
  });

  it('names the schemes when one is wrong', async () => {
    const { stderr } = await runCli(['quantize', 'x', '--scheme', 'nf5'], { home });
    expect(stderr).toContain('nf4-dq');
  });

  it('says in one line what happened and what to do, and ends with 1', async () => {
    const { code, stderr } = await runCli(['show', 'nothing'], { home });
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/no(thing| artifact).*nothing.*nibble list/);
  });

  it('shows where an error came from only when asked', async () => {
    const { stderr } = await runCli(['--verbose', 'show', 'nothing'], { home });
    expect(stderr).toMatch(/\n\s+at /);
  });

  it('prints one JSON document for an error too', async () => {
    const { code, stdout } = await runCli(['--json', 'show', 'nothing'], { home });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'not-found' } });
  });

  it('lists an empty home, and says what to try', async () => {
    expect(await runJson(['list'], { home })).toEqual({
      checkpoints: [],
      artifacts: [],
      unfinished: [],
      unreadable: [],
      damaged: {},
      unreachable: [],
    });
    const { stdout } = await runCli(['list'], { home });
    expect(stdout).toContain('nibble demo');
  });

  it('lists what a newer Nibble made, and takes it off the list when asked', async () => {
    const newer = path.join(home, 'newer');
    await runJson(['list'], { home: newer });
    const db = new Sqlite(path.join(newer, 'catalog.sqlite'));
    db.prepare(
      `INSERT INTO jobs (request, subject, state, steps, waits_for_disk, artifact_ids, created_at)
       VALUES ('{"kind":"distill"}', 'some model', 'done', '[]', 0, '[]', '2026-01-01T00:00:00.000Z')`,
    ).run();
    db.close();
    expect((await runCli(['list'], { home: newer })).stdout).toContain('1  job  some model');
    expect((await runCli(['remove', '1', '--json'], { home: newer })).code).toBe(2);
    expect((await runCli(['remove', '1', '--yes'], { home: newer })).code).toBe(0);
    expect(await runJson(['list'], { home: newer })).toMatchObject({ unreadable: [] });
  });

  it('says what this computer can do', async () => {
    const report = await runJson(['doctor'], { home });
    expect(report).toMatchObject({ home: { directory: home, writable: true }, problems: [] });
    expect(report).toHaveProperty('versions.onnxruntime', expect.stringMatching(/^1\.\d+/));
    expect(report).toHaveProperty('processor.isa', expect.stringMatching(/^(avx|neon|reference)/));
  });

  it('names the endpoint when the hub cannot be reached', async () => {
    const { code, stderr } = await runCli(['pull', 'owner/name'], { home });
    expect(code).toBe(1);
    expect(stderr).toContain('127.0.0.1:2');
  });

  it('refuses to delete without being asked twice', async () => {
    const { code, stderr } = await runCli(['remove', 'nothing'], { home });
    expect(code).toBe(1);
    expect(stderr).toContain('nothing');
  });

  it('removes what an interrupted pull left, and then lists it no more', async () => {
    const name = 'checkpoints/owner--gone/0123456789ab';
    mkdirSync(path.join(home, name), { recursive: true });
    writeFileSync(path.join(home, name, 'model.safetensors.part'), 'half');
    expect(await runJson(['list'], { home })).toMatchObject({ unfinished: [{ name }] });
    expect((await runCli(['remove', name], { home })).code).toBe(2);
    expect(await runJson(['remove', name, '--yes'], { home })).toMatchObject({ name });
    expect(await runJson(['list'], { home })).toMatchObject({ unfinished: [] });
  });

  it('names a home that cannot be written', async () => {
    const file = path.join(home, 'a-file');
    writeFileSync(file, '');
    const { code, stderr } = await runCli(['list'], { home: path.join(file, 'home') });
    expect(code).toBe(1);
    expect(stderr).toContain(
      `${file} is a file, so ${path.join(file, 'home')} can't be Nibble's folder. Choose another`,
    );
    expect(stderr).toContain('--home');
  });

  it.skipIf(process.getuid?.() === 0)(
    'names a read-only home (skipped: root may write anywhere)',
    async () => {
      const readOnly = path.join(home, 'read-only');
      mkdirSync(readOnly);
      chmodSync(readOnly, 0o555);
      const { code, stderr } = await runCli(['list'], { home: readOnly });
      expect(code).toBe(1);
      expect(stderr).toContain(readOnly);
    },
  );

  it('refuses CUDA in words where there is none', async () => {
    const { code, stderr } = await runCli(
      ['quantize', home, '--scheme', 'nf4', '--device', 'cuda'],
      { home },
    );
    expect(code).toBe(1);
    expect(stderr).toContain('CUDA');
  });
});
