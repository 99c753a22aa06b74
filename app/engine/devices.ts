import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { measureGpus, probeGpus } from '../../native-kernels/index.ts';
import type { GpuProbe } from '../../native-kernels/index.ts';
import { AppError } from '../contract/error.ts';
import { replaceFile } from '../disk/index.ts';
import { toolVersion, type EngineContext } from './context.ts';

/** What `auto` found out, in the home: measuring takes a second or two, and its outcome does not change by itself. */
const CHOICE_FILE = 'device-choice.json';

const choiceSchema = z.object({
  /** What was measured: Nibble, processor, driver and cards. */
  machine: z.string(),
  /** Numbers of the devices that are faster than the processor. */
  devices: z.array(z.int().nonnegative()),
});

function machineOf({ driver, devices }: GpuProbe): string {
  const processor = `${os.cpus()[0]?.model ?? ''} x ${os.availableParallelism()}`;
  return JSON.stringify([toolVersion(), processor, driver, devices]);
}

async function rememberedChoice(file: string, machine: string): Promise<readonly number[] | null> {
  try {
    const choice = choiceSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return choice.machine === machine ? choice.devices : null;
  } catch {
    // Missing, or made by another version: it is measured again.
    return null;
  }
}

/**
 * The devices that one person's `--device` stands for.
 *
 * `auto` takes those that quantize faster than the processor when both were measured; the outcome is kept in the home.
 *
 * @returns numbers of CUDA devices; none: the processor
 * @throws AppError 'runtime-unavailable' when `cuda` was asked for and there is no usable device
 */
export async function devicesFor(
  context: Pick<EngineContext, 'home'>,
  device: 'auto' | 'cpu' | 'cuda',
): Promise<readonly number[]> {
  if (device === 'cpu') return [];
  if (device === 'cuda') return await requireDevices();
  const probe = await probeGpus();
  if (probe.devices.length === 0 || probe.reason !== null) return [];
  const file = path.join(context.home.directory, CHOICE_FILE);
  const machine = machineOf(probe);
  const remembered = await rememberedChoice(file, machine);
  if (remembered !== null) return remembered;
  const { devices, deviceRates, processorRate } = await measureGpus();
  const faster = devices
    .filter((_, index) => (deviceRates[index] ?? 0) > (processorRate ?? Infinity))
    .map(({ ordinal }) => ordinal);
  // Of several, even slower ones help together; but that was not measured, and so it is not assumed.
  await replaceFile(file, `${JSON.stringify({ machine, devices: faster })}\n`).catch(
    () => undefined,
  );
  return faster;
}

/**
 * Every usable device.
 *
 * @throws AppError 'runtime-unavailable' when there is none
 */
export async function requireDevices(): Promise<readonly number[]> {
  const { devices, reason } = await probeGpus();
  if (devices.length === 0 || reason !== null)
    throw new AppError('runtime-unavailable', `CUDA cannot be used: ${reason ?? 'no device'}.`, {
      remedy: 'Leave --device away: the processor is used.',
    });
  return devices.map(({ ordinal }) => ordinal);
}
