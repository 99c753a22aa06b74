// Makes JavaScript of app/, main/ and native-kernels/ in dist/app, keeping the tree: the packaged app runs that, because
// Electron does not run TypeScript. Every file is transpiled by itself (the sources are erasable TypeScript), and what is
// found beside sources by a relative path (the addon, the sample model, package.json) is copied to the same place.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What the app needs beside its code. */
const assets = [
  'app/sample/model',
  'app/sample/heldout.txt',
  'app/sample/prompts.json',
  'native-kernels/build/nibble.node',
  `native-kernels/build/gpu_probe${process.platform === 'win32' ? '.exe' : ''}`,
  `native-kernels/build/graph_probe${process.platform === 'win32' ? '.exe' : ''}`,
  'LICENSE',
];

/** A sandboxed preload script can only be CommonJS. */
const PRELOAD = 'main/shell/preload.ts';

/** What only a checkout needs, or sees. */
const skipped = new Set(['app/sample/model', 'main/setup']);

/** Folders that CMake builds in, for this machine, for emulators and for checks: it names files .ts that are no code. */
const BUILDS = 'native-kernels/build';

function sourceFiles(root, folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return skipped.has(name) || name.startsWith(BUILDS) ? [] : sourceFiles(root, name);
    return name.endsWith('.ts') && !name.endsWith('.d.ts') ? [name] : [];
  });
}

/**
 * Builds dist/app anew.
 *
 * @param {string} root folder of the checkout
 * @returns {Promise<string | null>} null when all is there, otherwise what is wrong and what to do
 */
export async function buildShell(root) {
  for (const asset of assets)
    if (!existsSync(path.join(root, asset))) return `${asset} is missing; run: npm run setup`;
  const { default: ts } = await import(
    pathToFileURL(path.join(root, 'node_modules', 'typescript', 'lib', 'typescript.js')).href
  );
  const out = path.join(root, 'dist', 'app');
  rmSync(out, { recursive: true, force: true });
  const write = (name, text) => {
    const file = path.join(out, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  for (const name of ['app', 'main', 'native-kernels'].flatMap((folder) =>
    sourceFiles(root, folder),
  )) {
    const isPreload = name === PRELOAD;
    const { outputText, diagnostics } = ts.transpileModule(
      readFileSync(path.join(root, name), 'utf8'),
      {
        fileName: name,
        reportDiagnostics: true,
        compilerOptions: {
          target: ts.ScriptTarget.ES2024,
          module: isPreload ? ts.ModuleKind.CommonJS : ts.ModuleKind.ESNext,
          verbatimModuleSyntax: !isPreload,
          rewriteRelativeImportExtensions: true,
          newLine: ts.NewLineKind.LineFeed,
        },
      },
    );
    if (diagnostics?.length)
      return `${name} could not be transpiled: ${ts.flattenDiagnosticMessageText(diagnostics[0].messageText, ' ')}`;
    write(name.replace(/\.ts$/, isPreload ? '.cjs' : '.js'), outputText);
  }
  for (const asset of assets)
    cpSync(path.join(root, asset), path.join(out, asset), { recursive: true });
  // Read by the engine for its version, and by Electron for what to start.
  const { name, version, description, license } = JSON.parse(
    readFileSync(path.join(root, 'package.json'), 'utf8'),
  );
  const manifest = {
    name,
    version,
    description,
    license,
    type: 'module',
    main: 'main/shell/main.js',
  };
  write('package.json', `${JSON.stringify(manifest, null, 2)}\n`);
  return null;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = await buildShell(fileURLToPath(new URL('../..', import.meta.url)));
  if (problem !== null) {
    console.error(`build: ${problem}`);
    process.exitCode = 1;
  }
}
