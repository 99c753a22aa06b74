import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The engine composes all capabilities. */
const everythingOfApp = [
  'app/contract',
  'app/disk',
  'app/json',
  'app/progress',
  'app/checkpoint',
  'app/models',
  'app/formats',
  'app/digest',
  'app/hub',
  'app/local-hub',
  'app/sample',
  'app/quantize',
  'app/inspect-tensor',
  'app/catalog',
  'app/jobs',
  'app/run',
  'app/compare',
  'app/chat',
  'native-kernels',
] as const;

/** Which of our own rooms a room may import. `app/x` means that folder's files; listing is by longest prefix. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'app/contract': [],
  'app/disk': ['app/contract'],
  'app/json': ['app/contract'],
  'app/progress': ['app/contract'],
  'app/checkpoint': ['app/contract', 'app/disk', 'app/json'],
  'app/models': ['app/contract', 'app/checkpoint'],
  'app/formats': ['app/contract', 'app/checkpoint', 'native-kernels'],
  'app/digest': ['app/contract', 'app/checkpoint', 'native-kernels'],
  'app/hub': ['app/contract', 'app/disk', 'app/json', 'app/progress', 'app/checkpoint'],
  'app/local-hub': ['app/contract'],
  'app/sample': ['app/contract'],
  'app/quantize': [
    'app/contract',
    'app/formats',
    'app/checkpoint',
    'app/json',
    'app/models',
    'app/digest',
    'app/disk',
    'app/progress',
    'native-kernels',
  ],
  'app/inspect-tensor': ['app/contract', 'app/checkpoint', 'app/formats', 'native-kernels'],
  'app/catalog': ['app/contract'],
  'app/jobs': ['app/contract'],
  'app/run': [
    'app/contract',
    'app/checkpoint',
    'app/models',
    'app/digest',
    'app/disk',
    'app/json',
    'native-kernels',
  ],
  'app/compare': ['app/contract', 'app/checkpoint', 'app/disk', 'app/formats', 'app/progress'],
  'app/chat': ['app/contract', 'app/catalog', 'app/run'],
  'app/engine': everythingOfApp,
  'app/runner.ts': ['app/contract', 'app/run', 'app/checkpoint', 'native-kernels'],
  'app/engine.ts': ['app/engine', ...everythingOfApp],
  main: ['app/contract', 'app/engine.ts', 'app/runner.ts'],
  renderer: ['app/contract'],
  'native-kernels': [],
};

/** npm packages that belong to one room only. */
const packageOwners: Readonly<Record<string, readonly string[]>> = {
  'better-sqlite3': ['app/catalog'],
  trash: ['app/engine'],
  '@huggingface/hub': ['app/hub'],
  fastify: ['app/local-hub', 'main'],
  commander: ['main'],
  '@fastify/static': ['main'],
  '@fastify/websocket': ['main'],
  '@fastify/rate-limit': ['main'],
  'electron-log': ['main'],
  electron: ['main'],
  react: ['renderer'],
  'react-dom': ['renderer'],
  'react-aria-components': ['renderer'],
};

function sourceFiles(folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!entry.name.startsWith('build') && entry.name !== 'model')
        found.push(...sourceFiles(name));
    } else if (/\.tsx?$/.test(entry.name)) found.push(name);
  }
  return found;
}

function roomOf(file: string): string {
  const rooms = Object.keys(allowed).filter((room) => file === room || file.startsWith(`${room}/`));
  const room = rooms.sort((a, b) => b.length - a.length)[0];
  if (room === undefined)
    throw new Error(`${file} is in no room of the house; add it to the table`);
  return room;
}

function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(
    readFileSync(path.join(root, file), 'utf8'),
    true,
    true,
  );
  return importedFiles.map((imported) => imported.fileName);
}

const files = ['app', 'main', 'native-kernels', 'renderer']
  .filter((folder) => existsSync(path.join(root, folder)))
  .flatMap(sourceFiles);

/** Everything that is read before the first line of a file runs. */
function readWith(start: string): { readonly own: Set<string>; readonly packages: Set<string> } {
  const packages = new Set<string>();
  const own = new Set<string>();
  const follow = (file: string): void => {
    if (own.has(file)) return;
    own.add(file);
    const text = readFileSync(path.join(root, file), 'utf8');
    const { statements } = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
    for (const statement of statements) {
      const isImport = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
      if (!isImport || statement.moduleSpecifier === undefined) continue;
      // Types are gone before anything is loaded.
      if (
        ts.isImportDeclaration(statement) &&
        statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      )
        continue;
      if (ts.isExportDeclaration(statement) && statement.isTypeOnly) continue;
      if (!ts.isStringLiteral(statement.moduleSpecifier)) continue;
      const { text: name } = statement.moduleSpecifier;
      if (name.startsWith('.')) follow(path.posix.join(path.posix.dirname(file), name));
      else packages.add(name);
    }
  };
  follow(start);
  return { own, packages };
}

describe('the house', () => {
  it('finds sources to check', () => {
    expect(files.length).toBeGreaterThan(20);
  });

  it('lets every room import only what its line in the table allows', () => {
    const violations: string[] = [];
    for (const file of files) {
      const room = roomOf(file);
      for (const imported of importsOf(file)) {
        if (imported.startsWith('.')) {
          const target = path.posix.join(path.posix.dirname(file), imported);
          const targetRoom = roomOf(target);
          const allowedRooms = allowed[room] ?? [];
          if (targetRoom !== room && !allowedRooms.includes(targetRoom))
            violations.push(
              `${file} imports ${target}; ${room} may import: ${allowedRooms.join(', ')}`,
            );
          else if (
            targetRoom === 'native-kernels' &&
            room !== 'native-kernels' &&
            target !== 'native-kernels/index.ts'
          )
            violations.push(`${file} imports ${target}; the door is native-kernels/index.ts`);
          else if (
            /^app\/[a-z-]+$/.test(targetRoom) &&
            targetRoom !== room &&
            targetRoom !== 'app/contract' &&
            // app/engine.ts is the door of app/engine.
            targetRoom !== 'app/engine' &&
            target !== `${targetRoom}/index.ts` &&
            // A runner needs one family of models, and waits for every file.
            !(target === 'app/models/on-demand.ts' && room === 'app/run')
          )
            violations.push(`${file} imports ${target}; the door is ${targetRoom}/index.ts`);
        } else {
          const owner = Object.entries(packageOwners).find(
            ([name]) => imported === name || imported.startsWith(`${name}/`),
          );
          if (owner !== undefined && !owner[1].includes(room))
            violations.push(`${file} imports ${imported}, which belongs to ${owner[1].join(', ')}`);
          if (room === 'app/contract' && imported !== 'zod')
            violations.push(`${file} imports ${imported}; the contract is pure`);
        }
      }
    }
    expect(violations).toEqual([]);
  });

  it('starts an engine without the web server and the client of the hub, which few calls need', () => {
    const { packages } = readWith('app/engine.ts');
    expect(packages).toContain('better-sqlite3');
    expect(packages).not.toContain('fastify');
    expect(packages).not.toContain('@huggingface/hub');
  });

  it('starts a runner with what every model needs, and a GPU and other families when one is asked for', () => {
    const { own } = readWith('main/processes/runner-process.ts');
    expect(own).toContain('app/run/graph/ensure-graph.ts');
    const families = [...own].filter((file) => file.startsWith('app/models/families/'));
    expect(families).toEqual(['app/models/families/dense/llama.ts']);
    expect(own).not.toContain('app/models/index.ts');
    expect(own).not.toContain('app/run/try-devices.ts');
    expect(own).not.toContain('app/run/graph/contrib-printer.ts');
  });
});
