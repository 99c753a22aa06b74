import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { devicesFor, requireDevices } from '../../../app/engine/devices.ts';
import { openHome } from '../../../app/engine/home/home.ts';
import type { Home } from '../../../app/engine/home/home.ts';
import { probeGpus } from '../../../native-kernels/index.ts';
import { buildFakeDrivers } from '../../fixtures/fake-driver/build.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

const drivers = await buildFakeDrivers();
let home: Home;

beforeEach(async () => {
  home = await openHome(await scratchFolder());
  process.env['NIBBLE_CUDA_DRIVER'] = '/nowhere/libcuda.so.1';
});
afterEach(() => {
  delete process.env['NIBBLE_CUDA_DRIVER'];
  delete process.env['NIBBLE_FAKE_DRIVER'];
});

describe('the choice of a device', () => {
  it('is the processor where it was asked for, and where there is nothing else', async () => {
    expect(await devicesFor({ home }, 'cpu')).toEqual([]);
    expect(await devicesFor({ home }, 'auto')).toEqual([]);
    // Nothing was measured: a card that is put in later is found.
    expect(existsSync(path.join(home.directory, 'device-choice.json'))).toBe(false);
  });

  it('is refused when CUDA was asked for and is not there', async () => {
    const refusal = { code: 'runtime-unavailable', remedy: /Leave --device away/ };
    const expected = expect.objectContaining({
      ...refusal,
      message: expect.stringContaining('no NVIDIA driver is installed') as string,
      remedy: expect.stringMatching(refusal.remedy) as string,
    }) as unknown;
    await expect(devicesFor({ home }, 'cuda')).rejects.toEqual(expected);
    await expect(requireDevices()).rejects.toEqual(expected);
  });

  it.skipIf(drivers === null)(
    'remembers that a device is slower (needs a C compiler)',
    async () => {
      process.env['NIBBLE_CUDA_DRIVER'] = drivers?.driver;
      process.env['NIBBLE_FAKE_DRIVER'] = 'out-of-memory';
      const { hasKernels } = await probeGpus();
      expect(await devicesFor({ home }, 'auto')).toEqual([]);
      const file = path.join(home.directory, 'device-choice.json');
      expect(existsSync(file)).toBe(hasKernels);
      if (!hasKernels) return;
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ devices: [] });
      expect(await devicesFor({ home }, 'auto')).toEqual([]);
    },
  );
});
