// npm run kills -- [--count 200] [--seed 1] [--only quantize,eval]
// Kills every command at random moments, as kill -9 does, and runs it again: see README.md.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { heldOutText, sampleModel } from '../../app/engine.ts';
import { startLocalHub } from '../../app/local-hub/index.ts';
import { randomNumbers, writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';
import { killedCommands, type KilledCommand } from './commands.ts';
import { catalogProblems, differences, filesOf, processesOn } from './home.ts';

const REPOSITORY = 'test/model';
const entry = fileURLToPath(new URL('../../main/cli/cli.ts', import.meta.url));
const dieAt = new URL('../fixtures/processes/die-at.mjs', import.meta.url).href;

/** An engine gets five seconds to end in an orderly way when its parent is gone; the rest is for a busy machine. */
const ORPHAN_PATIENCE_MS = 15_000;

/** Longer than any of the commands takes on a busy machine. */
const COMMAND_TIMEOUT_MS = 120_000;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '40' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    only: { type: 'string' },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
const random = randomNumbers(seed);

const work = mkdtempSync(path.join(tmpdir(), 'nibble-kills-'));
const home = path.join(work, 'home');
const source = path.join(work, 'source');
const textFile = path.join(work, 'text.txt');
const counter = path.join(work, 'moments');
await writeTinyCheckpoint(source, {
  vocabularySize: 4096,
  layers: 6,
  hiddenSize: 256,
  intermediateSize: 768,
});
for (const file of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])
  copyFileSync(path.join(sampleModel.directory, file), path.join(source, file));
writeFileSync(textFile, (await heldOutText()).slice(0, 6000));
const hub = await startLocalHub({ repositories: { [REPOSITORY]: { directory: source } } });

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** Where a process is killed: so long after the so manyth of its changes of files and words of its children. */
interface Moment {
  /** 0 is its start. */
  readonly call: number;
  readonly delayMs: number;
}

/** Counts the moments and ends at none. */
const START: Moment = { call: 0, delayMs: 0 };

/** How Node is told to count the moments of a process, and to end it at one of them. */
function counting({ call, delayMs }: Moment): string[] {
  const query = new URLSearchParams({
    counter,
    call: String(call),
    delay: String(delayMs),
    messages: '1',
  });
  return ['--import', `${dieAt}?${query.toString()}`];
}

function start(
  args: readonly string[],
  input = '',
  moment: Moment | null = null,
): { child: ChildProcess; ended: Promise<Ended> } {
  const begunMs = performance.now();
  const flags = moment === null ? [] : counting(moment);
  const child = spawn(process.execPath, [...flags, entry, '--json', ...args], {
    env: { ...process.env, HF_TOKEN: '', HF_ENDPOINT: hub.endpoint, NIBBLE_HOME: home },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_TIMEOUT_MS);
  const ended = once(child, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    clearTimeout(timer);
    const ms = performance.now() - begunMs;
    return {
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout,
      stderr,
      ms,
    };
  });
  return { child, ended };
}

/** Runs a command to its end; one without an end is closed once it has said that it is there. */
async function complete(
  { command, input, endless }: KilledCommand,
  moment: Moment | null = null,
): Promise<Ended> {
  const { child, ended } = start(command, input, moment);
  if (endless === true) {
    const begunMs = performance.now();
    if (child.stdout !== null) await Promise.race([once(child.stdout, 'data'), ended]);
    const ms = performance.now() - begunMs;
    child.kill('SIGTERM');
    return { ...(await ended), ms };
  }
  return ended;
}

async function mustSucceed(command: KilledCommand, moment: Moment | null = null): Promise<Ended> {
  const ended = await complete(command, moment);
  if (ended.code !== 0)
    throw new Error(
      `nibble ${command.command.join(' ')}: ${ended.code ?? ended.signal} ${ended.stderr}`,
    );
  return ended;
}

/** Whether a second run may say that there is nothing left to do. */
async function isDoneAlready({ isGoneAfter }: KilledCommand, { stdout }: Ended): Promise<boolean> {
  if (isGoneAfter === undefined || !stdout.includes('"not-found"')) return false;
  const listed = await start(['list']).ended;
  const { checkpoints } = JSON.parse(listed.stdout) as { checkpoints: { id: string }[] };
  return checkpoints.every(({ id }) => id !== isGoneAfter);
}

async function orphans(): Promise<number[]> {
  const untilMs = performance.now() + ORPHAN_PATIENCE_MS;
  let left = processesOn(home);
  while (left.length > 0 && performance.now() < untilMs) {
    await sleep(50);
    left = processesOn(home);
  }
  return left;
}

interface Row {
  readonly name: string;
  kills: number;
  hits: number;
  findings: string[];
}

async function killOnce(
  command: KilledCommand,
  template: string,
  expected: ReadonlyMap<string, string>,
  moment: Moment,
  row: Row,
): Promise<void> {
  rmSync(home, { recursive: true, force: true });
  cpSync(template, home, { recursive: true, preserveTimestamps: true });
  const { child, ended } = start(command.command, command.input, moment);
  const timer =
    moment.call === 0 ? setTimeout(() => child.kill('SIGKILL'), moment.delayMs) : undefined;
  // One without an end of its own may be past its moment when it is there.
  if (command.endless === true && child.stdout !== null)
    void once(child.stdout, 'data').then(() => setTimeout(() => child.kill('SIGTERM'), 1_000));
  const { signal, code, stderr } = await ended;
  clearTimeout(timer);
  row.kills++;
  if (signal === 'SIGKILL') row.hits++;
  const find = (words: string): void => {
    row.findings.push(`at ${moment.call} and ${moment.delayMs} ms: ${words}`);
  };
  if (signal === null && code !== 0) find(`the first run ended with ${code}: ${stderr.trim()}`);
  const left = await orphans();
  if (left.length > 0) find(`${left.length} processes live on`);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  const again = await complete(command);
  if (again.code !== 0 && !(await isDoneAlready(command, again)))
    find(`run again it ended with ${again.code ?? again.signal}: ${again.stderr.trim()}`);
  for (const problem of catalogProblems(home)) find(problem);
  for (const line of differences(expected, filesOf(home))) find(line);
  const after = await orphans();
  if (after.length > 0) find(`${after.length} processes live on after the second run`);
  for (const pid of after) process.kill(pid, 'SIGKILL');
}

const only = values.only?.split(',');
const commands = killedCommands(REPOSITORY, textFile).filter(
  ({ name }) => only === undefined || only.includes(name),
);
const page = fileURLToPath(new URL('../../dist/renderer/index.html', import.meta.url));
if (commands.some(({ name }) => name === 'serve') && !existsSync(page))
  throw new Error(
    'nibble serve needs its page: run `npm run build`, or leave serve out with --only.',
  );
const rows: Row[] = [];
console.log(`seed ${seed}, ${count} kills`);
try {
  for (const [i, command] of commands.entries()) {
    const row: Row = { name: command.name, kills: 0, hits: 0, findings: [] };
    rows.push(row);
    rmSync(home, { recursive: true, force: true });
    const template = path.join(work, `template-${i}`);
    const list: KilledCommand = { name: 'list', before: [], command: ['list'] };
    // Making the home is no part of a later start: counted with it, a short command would be over before its first moment.
    await mustSucceed(list);
    await mustSucceed(list, START);
    const startMoments = Number(readFileSync(counter, 'utf8'));
    for (const before of command.before)
      await mustSucceed({ name: 'before', before: [], command: before });
    cpSync(home, template, { recursive: true, preserveTimestamps: true });
    const { ms } = await mustSucceed(command, START);
    const moments = Number(readFileSync(counter, 'utf8'));
    const between = ms / (moments + 1);
    const expected = filesOf(home);
    const share = Math.floor(count / commands.length) + (i < count % commands.length ? 1 : 0);
    // Most moments are those of a process that starts; four kills in five are to come later.
    const chooseMoment = (): Moment => {
      const from = random() < 0.2 ? 0 : Math.min(startMoments, moments);
      return {
        call: from + Math.floor(random() * (moments - from + 1)),
        // Time alone would miss on a busy machine, where no two runs are equally fast.
        delayMs: Math.round(random() * between),
      };
    };
    for (let kill = 0; kill < share; kill++)
      await killOnce(command, template, expected, chooseMoment(), row);
    rmSync(template, { recursive: true, force: true });
    console.log(
      `${row.name}: ${row.hits} of ${row.kills} hit (${moments - startMoments} moments after its start), ${row.findings.length} findings`,
    );
    for (const finding of row.findings) console.log(`  ${finding}`);
  }
} finally {
  await hub.close();
  rmSync(work, { recursive: true, force: true });
}
console.table(
  rows.map(({ name, kills, hits, findings }) => ({
    command: name,
    kills,
    'in mid-work': hits,
    findings: findings.length,
  })),
);
process.exitCode = rows.some(({ findings }) => findings.length > 0) ? 1 : 0;
