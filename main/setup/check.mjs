// Everything that must hold before a change lands: format, lint, types, tests. Called by `npm test` after set-up.
// Runs every step even when an earlier one failed, so that one run shows all there is to mend.
import { spawnSync } from 'node:child_process';
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
mkdirSync(results, { recursive: true });
const report = path.join(results, 'vitest.json');
rmSync(report, { force: true });

const steps = [
  ['format', [bin('prettier', 'bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']],
  ['format of C++', [path.join(root, 'main/setup/format-native.mjs')]],
  ['types', [bin('typescript', 'bin/tsc'), '-b']],
  ['lint', [bin('eslint', 'bin/eslint.js'), '--max-warnings', '0', '.']],
  [
    'tests',
    [
      bin('vitest', 'vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
  ],
];
const failed = [];
for (const [name, args] of steps) {
  const started = Date.now();
  const { status } = spawnSync(node, args, { cwd: root, stdio: 'inherit' });
  console.log(
    `${status === 0 ? 'ok' : 'FAILED'}: ${name} (${Math.round((Date.now() - started) / 100) / 10} s)`,
  );
  if (status !== 0) failed.push(name);
}

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
