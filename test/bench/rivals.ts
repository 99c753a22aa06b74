import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/**
 * The rivals, in the versions that they are measured in. They live in a folder of their own and are no part of the
 * project: llama.cpp comes ready-built inside node-llama-cpp, and @huggingface/gguf checks the files made for it.
 */
const versions = {
  'node-llama-cpp': '3.22.1',
  '@huggingface/gguf': '0.4.6',
  'onnxruntime-node': '1.30.0',
} as const;

/** node-llama-cpp ships its binaries as optional packages, for every GPU too: only the processor's is wanted. */
const llamaBinaries: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'mac-x64',
  'darwin-arm64': 'mac-arm64-metal',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

function wantedManifest(): string {
  const binary = llamaBinaries[`${process.platform}-${process.arch}`];
  if (binary === undefined)
    throw new Error(`llama.cpp has no binary for ${process.platform} on ${process.arch}`);
  const dependencies = {
    ...versions,
    [`@node-llama-cpp/${binary}`]: versions['node-llama-cpp'],
  };
  return JSON.stringify({ name: 'nibble-bench-rivals', private: true, dependencies });
}

/**
 * Installs the rivals from the npm registry, unless they are there in these versions.
 *
 * @throws Error when npm cannot
 */
export function installRivals(folder: string): void {
  const manifest = path.join(folder, 'package.json');
  const wanted = wantedManifest();
  // Written before the installation, so the folder of packages tells whether it ended.
  const marker = path.join(folder, 'node_modules', '.installed.json');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  console.error(`Installing the rivals in ${folder}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifest, wanted);
  execFileSync(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--omit=optional',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ],
    // On Windows npm is a script, which only a shell starts.
    { cwd: folder, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' },
  );
  writeFileSync(marker, wanted);
}

/** The version of a rival, and of the llama.cpp inside it where that is one. */
export function rivalVersions(folder: string): Record<string, string> {
  const read = (name: string): string =>
    z
      .object({ version: z.string() })
      .parse(
        JSON.parse(readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8')),
      ).version;
  return Object.fromEntries(Object.keys(versions).map((name) => [name, read(name)]));
}
