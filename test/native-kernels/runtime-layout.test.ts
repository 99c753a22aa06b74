// A library that calls itself ONNX Runtime 1.30 and has its functions in another order is refused before anything is
// built on it. Needs a C compiler, as building the addon does.
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadAddon } from '../../native-kernels/addon.ts';
import { libraryPath } from '../../native-kernels/runtime.ts';
import { scratchFolder } from '../fixtures/scratch.ts';

interface Opener {
  runtimeOpen(file: string): { onnxruntime: string };
}

const compiles = process.platform !== 'win32' && spawnSync('cc', ['--version']).status === 0;

/** Errors with one code and one text; no other function does anything. */
const source = (text: string): string => `
#include <stdint.h>
static void* status(int code, const char* message) { (void)code; return (void*)message; }
static int code(const void* s) { (void)s; return 10; }
static const char* text(const void* s) { (void)s; return "${text}"; }
static void* nothing(void) { return 0; }
static const void* table[512];
static const void* const* get_api(uint32_t version) {
  (void)version;
  for (int i = 0; i < 512; ++i) table[i] = (const void*)nothing;
  table[0] = (const void*)status;
  table[1] = (const void*)code;
  table[2] = (const void*)text;
  return table;
}
static const char* version(void) { return "1.30.0"; }
static const struct { const void* const* (*a)(uint32_t); const char* (*b)(void); } base = {get_api, version};
const void* OrtGetApiBase(void) { return &base; }
`;

it.runIf(compiles).each([
  ['whose errors have other texts', 'other', 'texts of errors'],
  ['whose memory cannot be made', 'layout', 'memory'],
])('refuses a library %s', async (_, text, what) => {
  const folder = await scratchFolder();
  const [code, library] = [path.join(folder, 'fake.c'), path.join(folder, 'libfake.so')];
  writeFileSync(code, source(text));
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, code]);
  const addon = loadAddon() as Opener;
  expect(() => addon.runtimeOpen(library)).toThrow(
    expect.objectContaining({
      code: 'runtime-unavailable',
      message: expect.stringContaining(what) as string,
    }),
  );
});

it('opens the one that comes along', () => {
  const addon = loadAddon() as Opener;
  expect(addon.runtimeOpen(libraryPath()).onnxruntime).toMatch(/^1\./);
});
