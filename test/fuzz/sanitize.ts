// npm run sanitize [-- --inputs 5000] [--seed N]: the native code under AddressSanitizer and UndefinedBehaviorSanitizer
// (GCC or Clang on Linux): kernel_check, then hostile artifacts through the addon.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { report, runCampaign } from './campaign.ts';
import { LIMITS } from './pool.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const build = path.join(root, 'native-kernels', 'build-sanitize');
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    workers: { type: 'string', default: String(availableParallelism()) },
  },
});

const log = (line: string): void => {
  console.log(line);
};

/** Ends the process where a program fails. */
function run(program: string, args: readonly string[]): void {
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  if (status === 0) return;
  console.error(`sanitize: ${program} ${args.join(' ')} failed`);
  process.exit(1);
}

// What the runtime leaves behind at its end is no fault, and an allocation that is too large fails as it would without.
const env = {
  ...process.env,
  ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1:allow_user_segv_handler=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
};
const flags =
  '-O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all';
const packages = path.join(root, 'node_modules');
run('cmake', [
  ...['-S', path.join(root, 'native-kernels'), '-B', build],
  '-DCMAKE_BUILD_TYPE=RelWithDebInfo',
  `-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=${flags}`,
  `-DNODE_API_HEADERS=${path.join(packages, 'node-api-headers', 'include')}`,
  `-DNODE_ADDON_API=${path.join(packages, 'node-addon-api')}`,
]);
run('cmake', [
  ...['--build', build, '--parallel', String(availableParallelism())],
  ...['--target', 'nibble', 'kernel_check'],
]);

log(`seed ${values.seed}`);
const check = path.join(build, 'kernel_check');
run(check, ['--seed', values.seed]);
run(check, ['--isa', 'threads', '--seed', values.seed]);

// Node is not built with the sanitizer, so its library has to be there before the addon.
const library = spawnSync('cc', ['-print-file-name=libasan.so'], {
  encoding: 'utf8',
}).stdout.trim();
const result = await runCampaign({
  seed: Number(values.seed),
  targets: ['artifact', 'graph'],
  workers: Number(values.workers),
  // The sanitizer makes everything several times slower and larger.
  limits: { ...LIMITS, hangMs: 60_000, memoryBytes: Infinity },
  goesOn: (done) => done < Number(values.inputs),
  env: {
    NIBBLE_ADDON: path.join(build, 'nibble.node'),
    LD_PRELOAD: library,
    ASAN_OPTIONS: env.ASAN_OPTIONS,
    UBSAN_OPTIONS: env.UBSAN_OPTIONS,
  },
  log,
});
log(report(result));
process.exitCode = result.findings > 0 ? 1 : 0;
