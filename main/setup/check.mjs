// Everything that must hold before a change lands: format, lint, types, tests. Called by `npm test` after set-up.
// Runs every step even when an earlier one failed, so that one run shows all there is to mend.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = (name, file) => path.join(root, 'node_modules', name, file);
const node = path.join(
  root,
  'node_modules',
  '.bin',
  process.platform === 'win32' ? 'node.cmd' : 'node',
);
const results = path.join(root, 'test', 'results');
/** Where a tool keeps what it has looked at: files whose content is the same are not looked at again. */
const cached = (tool) => [
  '--cache',
  '--cache-strategy',
  'content',
  '--cache-location',
  path.join(root, 'node_modules', '.cache', `${tool}-checked`),
];
mkdirSync(results, { recursive: true });
const report = path.join(results, 'vitest.json');
rmSync(report, { force: true });

/** What stands in one line of the plan runs one after the other, the lines side by side: each takes one core. */
const beforeTests = [
  [
    [
      'format',
      [
        bin('prettier', 'bin/prettier.cjs'),
        '--check',
        '--log-level',
        'warn',
        '.',
        ...cached('prettier'),
      ],
    ],
    ['format of C++', [path.join(root, 'main/setup/format-native.mjs')]],
    ['types', [bin('typescript', 'bin/tsc'), '-b']],
  ],
  [['lint', [bin('eslint', 'bin/eslint.js'), '--max-warnings', '0', '.', ...cached('eslint')]]],
];
const tests = [
  'tests',
  [
    bin('vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ],
];

const failed = [];

/** Runs a step; its output comes in one piece, or as it comes where nothing runs beside it. */
function run([name, args], stdio) {
  return new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(node, args, { cwd: root, stdio: ['ignore', stdio, stdio] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => (output += `${error.message}\n`));
    child.on('close', (code) => {
      process.stdout.write(output);
      console.log(
        `${code === 0 ? 'ok' : 'FAILED'}: ${name} (${Math.round((Date.now() - started) / 100) / 10} s)`,
      );
      if (code !== 0) failed.push(name);
      resolve();
    });
  });
}

await Promise.all(
  beforeTests.map(async (steps) => {
    for (const step of steps) await run(step, 'pipe');
  }),
);
await run(tests, 'inherit');

const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(
  readFileSync(report, 'utf8'),
);
for (const file of testResults)
  for (const test of file.assertionResults)
    if (test.status === 'pending' || test.status === 'skipped')
      console.log(`skipped: ${test.fullName}`);
if (failed.length > 0) console.log(`failed steps: ${failed.join(', ')}`);
console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
process.exitCode = failed.length > 0 || numPassedTests === 0 ? 1 : 0;
