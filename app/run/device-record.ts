import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { runtimeVersion } from '../../native-kernels/index.ts';
import { readJsonFile } from './read-json.ts';

/** Beside the weights: what became of them on this computer's GPU. */
export const DEVICE_RECORD_FILE = 'nibble-devices.json';

/** A driver is updated, a card is freed by another program: what failed is tried again after a day. */
const FAILURE_LASTS_MS = 24 * 60 * 60 * 1000;

const ratesSchema = z.object({
  loadMs: z.number(),
  prefillRate: z.number(),
  decodeRate: z.number(),
});

/** What was found out about one model on a GPU. */
const outcomeSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('measured'),
    activations: z.enum(['F16', 'F32']),
    processor: ratesSchema,
    device: ratesSchema,
    /** Mean Kullback-Leibler divergence from the CPU's next tokens, in nats. */
    divergence: z.number(),
  }),
  z.object({ kind: z.literal('failed'), code: z.string(), message: z.string() }),
]);
export type DeviceOutcome = z.infer<typeof outcomeSchema>;

const recordSchema = z.object({
  /** Where it was found out: Nibble's runtime, processor, system. Elsewhere it says nothing. */
  machine: z.string(),
  /** What was asked for: another context may not fit. */
  contextLength: z.number(),
  atMs: z.number(),
  outcome: outcomeSchema,
});

function thisMachine(): string {
  const processor = os.cpus()[0]?.model.trim() ?? '';
  return JSON.stringify([
    os.hostname(),
    processor,
    os.availableParallelism(),
    os.release(),
    runtimeVersion().onnxruntime,
  ]);
}

/** What is known of a model on this computer's GPU; null: nothing that still counts. */
export async function readDeviceRecord(
  directory: string,
  contextLength: number,
): Promise<DeviceOutcome | null> {
  const read = recordSchema.safeParse(
    await readJsonFile(directory, DEVICE_RECORD_FILE).catch(() => null),
  );
  if (!read.success || read.data.machine !== thisMachine()) return null;
  const { outcome, atMs } = read.data;
  if (outcome.kind === 'failed')
    return Math.abs(Date.now() - atMs) < FAILURE_LASTS_MS ? outcome : null;
  return read.data.contextLength === contextLength ? outcome : null;
}

/** Keeps what was found out. Only a convenience: where the folder cannot be written to it is found out again. */
export async function writeDeviceRecord(
  directory: string,
  contextLength: number,
  outcome: DeviceOutcome,
): Promise<void> {
  const record = { machine: thisMachine(), contextLength, atMs: Date.now(), outcome };
  await writeFile(path.join(directory, DEVICE_RECORD_FILE), JSON.stringify(record)).catch(
    () => undefined,
  );
}
