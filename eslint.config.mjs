// Lint rules. The import rules of the house are here, at error level, and their messages name the door to use;
// test/imports.test.ts walks the imports as a second, independent check.
import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** One restriction per folder: which paths it may not import, and what to use instead. */
const doors = {
  nativeOnlyByDoor: {
    group: ['**/native-kernels/*', '!**/native-kernels/index.ts'],
    message: 'Import native-kernels/index.ts: it is the only door to the kernels.',
  },
  electronOnlyInMain: {
    group: ['electron', 'electron/*'],
    message: 'Only main/ may import Electron.',
  },
  sqliteOnlyInCatalog: {
    group: ['better-sqlite3'],
    message: 'Only app/catalog talks to SQLite; import app/catalog/index.ts.',
  },
  onnxruntimeNowhere: {
    group: ['onnxruntime-node'],
    message: 'native-kernels hosts ONNX Runtime itself; import native-kernels/index.ts.',
  },
  noHosts: {
    group: ['**/main/**', '**/renderer/**'],
    message: 'app/ decides and does not know its hosts: pass what you need as a parameter.',
  },
  hostsUseTheEngine: {
    group: ['**/app/*/**', '!**/app/contract/**'],
    message:
      'main/ and renderer/ import app/contract, app/engine.ts or app/runner.ts, nothing deeper.',
  },
  jobsOnlyOrder: {
    group: ['node:*', '**/engine/**', '**/catalog/**', '**/disk/**'],
    message: 'app/jobs does no I/O and no work of its own: the engine passes it in.',
  },
  contractIsPure: {
    group: ['node:*', 'electron', 'react', '../*'],
    message: 'app/contract is pure: no Node, no DOM, no Electron, nothing else of ours.',
  },
};
const restrict = (...patterns) => ({
  'no-restricted-imports': ['error', { patterns }],
});

export default tseslint.config(
  {
    ignores: [
      'node_modules',
      'dist',
      'native-kernels/build*',
      'test/bench/rivals',
      'app/sample/model',
      'test/results',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['vitest.config.ts', 'renderer/vite.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ExportDefaultDeclaration',
          message: 'Use of default exports is forbidden: name what you export.',
        },
      ],
    },
  },
  {
    files: ['main/**/*.ts', 'app/**/*.ts'],
    ignores: ['main/cli/terminal.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        ...['stdout', 'stderr'].map((property) => ({
          object: 'process',
          property,
          message:
            'Write through main/cli/terminal.ts: it takes out what would command a terminal.',
        })),
      ],
    },
  },
  { files: ['app/contract/**/*.ts'], rules: restrict(doors.contractIsPure) },
  {
    files: ['app/**/*.ts'],
    ignores: ['app/contract/**', 'app/catalog/**'],
    rules: restrict(
      doors.nativeOnlyByDoor,
      doors.electronOnlyInMain,
      doors.sqliteOnlyInCatalog,
      doors.onnxruntimeNowhere,
      doors.noHosts,
    ),
  },
  {
    files: ['app/jobs/**/*.ts'],
    rules: restrict(
      doors.nativeOnlyByDoor,
      doors.electronOnlyInMain,
      doors.sqliteOnlyInCatalog,
      doors.onnxruntimeNowhere,
      doors.noHosts,
      doors.jobsOnlyOrder,
    ),
  },
  {
    files: ['app/catalog/**/*.ts'],
    rules: restrict(
      doors.nativeOnlyByDoor,
      doors.electronOnlyInMain,
      doors.onnxruntimeNowhere,
      doors.noHosts,
    ),
  },
  {
    files: ['main/**/*.ts'],
    rules: restrict(doors.hostsUseTheEngine, doors.sqliteOnlyInCatalog, doors.onnxruntimeNowhere, {
      group: ['**/native-kernels/**'],
      message: 'main/ reaches the kernels through the engine or a runner.',
    }),
  },
  {
    files: ['native-kernels/**/*.ts'],
    rules: restrict(doors.electronOnlyInMain, {
      group: ['**/app/**', '**/main/**', '**/renderer/**'],
      message: 'native-kernels computes and knows nothing of ours.',
    }),
  },
  {
    files: ['renderer/**/*.ts', 'renderer/**/*.tsx'],
    ignores: ['renderer/vite.config.ts'],
    plugins: { 'react-hooks': reactHooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      ...restrict(
        {
          group: ['**/app/*', '**/app/*/**', '!**/app/contract', '!**/app/contract/**'],
          message:
            'renderer/ shows and imports app/contract only; ask the engine through bridge.ts.',
        },
        {
          group: ['**/main/**', '**/native-kernels/**', 'node:*', 'electron', 'electron/*'],
          message: 'renderer/ runs in a sandbox: everything outside is reached through bridge.ts.',
        },
      ),
    },
  },
  {
    files: ['vitest.config.ts', 'eslint.config.mjs', 'renderer/vite.config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
    extends: [],
  },
);
