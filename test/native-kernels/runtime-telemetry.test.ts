// ONNX Runtime is a library of this process, not somebody who reports on it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';

const door = new URL('../../native-kernels/index.ts', import.meta.url).href;

it('opens ONNX Runtime without a trace in the folders of a person', () => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'nibble-home-'));
  try {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { runtimeVersion } from '${door}'; console.log(runtimeVersion().onnxruntime);`,
        // Its search for names in the command line ended processes with one as long as this.
        'a'.repeat(process.platform === 'win32' ? 1_000 : 100_000),
      ],
      // Nothing else of this environment: the library keeps still by itself where it sees a test or a build server.
      { encoding: 'utf8', env: { HOME: home, TMPDIR: home } },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^1\.\d+\.\d+/);
    expect(readdirSync(home, { recursive: true })).toEqual([]);
  } finally {
    rmSync(home, { recursive: true });
  }
});
