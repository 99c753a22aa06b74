// Kernels that this machine cannot run inside the addon, in a program of their own (native-kernels/check): the ARM sets
// under an emulator, each on the oldest processor that has it, where a newer instruction would end the program; and the
// AVX-VNNI kernels by way of AVX-512, which has the same byte products in another encoding; and the pool of threads.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { processorFeatures } from '../../native-kernels/index.ts';

const sources = fileURLToPath(new URL('../../native-kernels', import.meta.url));
const seed = process.env['NIBBLE_TEST_SEED'] ?? String(Date.now() % 2 ** 31);

/** The first of these programs that is on the PATH. */
function find(...names: string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  return names
    .flatMap((name) => folders.map((folder) => path.join(folder, name)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const compiler = find('aarch64-linux-gnu-g++');
const emulator = find('qemu-aarch64', 'qemu-aarch64-static');
const missing = [
  compiler === undefined ? 'no aarch64-linux-gnu-g++' : '',
  emulator === undefined ? 'no qemu-aarch64' : '',
  find('cmake') === undefined ? 'no cmake' : '',
].filter((reason) => reason !== '');

function run(program: string, args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed\n${stdout}\n${stderr}\n${error ?? ''}`);
  return stdout;
}

/** Compiles kernel_check into a folder that is kept, so that a second run compiles only what changed. */
function compile(folder: string, options: string[]): void {
  run('cmake', ['-S', sources, '-B', folder, '-DCMAKE_BUILD_TYPE=Release', ...options]);
  run('cmake', ['--build', folder, '--target', 'kernel_check', '--parallel', '2']);
}

const passed = (set: string): RegExp =>
  new RegExp(`^${set}: [1-9]\\d{5,} comparisons, 0 failures`, 'm');

const loopsPassed = /^threads: [1-9]\d{3,} comparisons, 0 failures/m;

const armBuild = path.join(sources, 'build-aarch64');
const check = (processor: string, ...args: string[]): string =>
  run(emulator ?? '', ['-cpu', processor, path.join(armBuild, 'kernel_check'), ...args]);

/** Processors without the dot product, with it, and with everything. */
const processors: [string, string[]][] = [
  ['cortex-a53', ['neon']],
  ['cortex-a76', ['neon', 'neon-dotprod']],
  ['max', ['neon', 'neon-dotprod', 'neon-i8mm']],
];

const title = 'ARM kernels under an emulator';
describe.skipIf(missing.length > 0)(
  missing.length > 0 ? `${title} (skipped: ${missing.join(', ')} on the PATH)` : title,
  () => {
    beforeAll(() => {
      compile(armBuild, [
        ...['-DCMAKE_SYSTEM_NAME=Linux', '-DCMAKE_SYSTEM_PROCESSOR=aarch64'],
        // Static: the emulator need not find the target's libraries.
        ...[`-DCMAKE_CXX_COMPILER=${compiler ?? ''}`, '-DCMAKE_EXE_LINKER_FLAGS=-static'],
      ]);
    }, 600_000);

    it.each(processors)('finds the instruction sets of a %s', (processor, sets) => {
      expect(check(processor, '--list').trim().split('\n')).toEqual(['reference', ...sets]);
    });

    it.each(processors.map(([processor, sets]) => [sets.at(-1) ?? '', processor]))(
      `equals the reference: %s on a %s (seed ${seed})`,
      (set, processor) => {
        const output = check(processor, '--isa', set, '--seed', seed);
        expect(output).toMatch(passed(set));
      },
      300_000,
    );

    it(`runs every task of a loop once (seed ${seed})`, () => {
      expect(check('max', '--isa', 'threads', '--seed', seed)).toMatch(loopsPassed);
    }, 300_000);
  },
);

const features = processorFeatures().available;
const elsewhere = features.includes('avx-vnni')
  ? 'the processor has AVX-VNNI, so the parity tests run them'
  : features.includes('avx512-vnni')
    ? undefined
    : 'needs AVX-512 VNNI';
const vnniTitle = 'AVX-VNNI kernels by way of AVX-512';
describe.skipIf(elsewhere !== undefined)(
  elsewhere !== undefined ? `${vnniTitle} (skipped: ${elsewhere})` : vnniTitle,
  () => {
    const folder = path.join(sources, 'build-avx-vnni');
    beforeAll(() => {
      // -O1 halves the time to compile; the other sets, which the addon's tests cover, come along.
      compile(folder, ['-DNIBBLE_AVX_VNNI_BY_AVX512=ON', '-DCMAKE_CXX_FLAGS_RELEASE=-O1']);
    }, 600_000);

    it(`equal the reference (seed ${seed})`, () => {
      const output = run(path.join(folder, 'kernel_check'), ['--isa', 'avx-vnni', '--seed', seed]);
      expect(output).toMatch(passed('avx-vnni'));
    }, 300_000);

    it(`run every task of a loop once (seed ${seed})`, () => {
      const output = run(path.join(folder, 'kernel_check'), ['--isa', 'threads', '--seed', seed]);
      expect(output).toMatch(loopsPassed);
    }, 300_000);
  },
);
