import { describe, expect, it } from 'vitest';
import { AppError, because } from '../../../app/contract/error.ts';
import { freeBytes, requireSpace, writeWithReservedSpace } from '../../../app/disk/index.ts';
import { ScratchFolder } from '../../fixtures/hub-model.ts';

function full(): Error {
  return Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
}

describe('room on the disk', () => {
  it('is known for folders that do not exist yet', async () => {
    using folder = new ScratchFolder();
    const free = await freeBytes(folder.join('a', 'b', 'c'));
    expect(free).toBeGreaterThan(0);
  });

  it('is required with a margin, and refused with numbers', async () => {
    using folder = new ScratchFolder();
    const free = await freeBytes(folder.directory);
    await requireSpace(folder.directory, 1, 0);
    await requireSpace(folder.directory, 0, free * 2);
    await expect(requireSpace(folder.directory, 1, free * 2)).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/needed .* free/) as string,
    });
  });

  it('is waited for, and what was to be written is written once there is some', async () => {
    using folder = new ScratchFolder();
    const said: string[] = [];
    let tries = 0;
    const result = await writeWithReservedSpace(
      () => (++tries < 3 ? Promise.reject(full()) : Promise.resolve('written')),
      {
        directory: folder.directory,
        pollMs: 1,
        resumeBytes: 1,
        onPause: (detail) => said.push(detail),
        onResume: () => said.push('resumed'),
      },
    );
    expect(result).toBe('written');
    expect(said).toEqual([expect.stringContaining('is full'), 'resumed']);
  });

  it('is waited for by work that was refused beforehand, if that has begun', async () => {
    using folder = new ScratchFolder();
    const free = await freeBytes(folder.directory);
    let marginBytes = free * 2;
    const said: string[] = [];
    const options = {
      directory: folder.directory,
      pollMs: 1,
      onPause: (detail: string): void => {
        said.push(detail);
        marginBytes = 0;
      },
    };
    const work = (): Promise<void> => {
      if (marginBytes > 0)
        return Promise.reject(
          new AppError(
            'disk-full',
            'Not enough.',
            // More than the 16 MiB that usually end a pause, and on another disk.
            because('not-enough-space', { folder: folder.directory, needed: 20e6, free: 19e6 }),
          ),
        );
      return Promise.resolve();
    };
    await expect(writeWithReservedSpace(work, options)).rejects.toMatchObject({
      reason: 'not-enough-space',
    });
    expect(said).toEqual([]);
    await writeWithReservedSpace(work, {
      ...options,
      directory: '/nowhere',
      waitsWhenRefused: () => true,
    });
    expect(said).toEqual([expect.stringContaining(folder.directory) as string]);
    expect(said[0]).toMatch(/20\.0\sMB/);
  });

  it('is not waited for where the host cannot', async () => {
    using folder = new ScratchFolder();
    await expect(
      writeWithReservedSpace(() => Promise.reject(full()), {
        directory: folder.directory,
        onDiskFull: 'fail',
      }),
    ).rejects.toMatchObject({ code: 'disk-full' });
  });

  it('is no longer waited for when the person cancels', async () => {
    using folder = new ScratchFolder();
    await expect(
      writeWithReservedSpace(() => Promise.reject(full()), {
        directory: folder.directory,
        resumeBytes: 2 ** 60,
        pollMs: 5,
        signal: AbortSignal.timeout(30),
      }),
    ).rejects.toMatchObject({ code: 'aborted' });
  });

  it('is not what other errors are about', async () => {
    const error = new Error('something else');
    await expect(
      writeWithReservedSpace(() => Promise.reject(error), { directory: '/' }),
    ).rejects.toBe(error);
  });
});
