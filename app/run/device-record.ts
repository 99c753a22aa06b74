import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../disk/index.ts';
import { runtimeVersion } from '../../native-kernels/index.ts';
import { readJsonFile } from './read-json.ts';

/** Beside the weights: what became of them on this computer's devices. */
export const DEVICE_RECORD_FILE = 'nibble-devices.json';

/** A driver is updated, a card is freed by another program: what failed is tried again after a day. */
const FAILURE_LASTS_MS = 24 * 60 * 60 * 1000;

const ratesSchema = z.object({
  loadMs: z.number(),
  prefillRate: z.number(),
  decodeRate: z.number(),
});

const failureSchema = z.object({
  kind: z.literal('failed'),
  code: z.string(),
  message: z.string(),
  /** What about it another graph may help: no 16-bit arithmetic there, or other logits than the CPU's. */
  detail: z.enum(['half-precision', 'wrong-logits']).nullable(),
});
export type DeviceFailure = z.infer<typeof failureSchema>;

/** What was found out about one model on one device. */
const outcomeSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('measured'),
    activations: z.enum(['F16', 'F32']),
    rates: ratesSchema,
    /** Mean Kullback-Leibler divergence from the CPU's next tokens, in nats. */
    divergence: z.number(),
  }),
  failureSchema,
]);
export type DeviceOutcome = z.infer<typeof outcomeSchema>;

/** The devices that a model may be tried on, the fastest first: a person may stop before the others have their turn. */
export const TRIED_DEVICES = ['cuda', 'webgpu'] as const;
export type TriedDevice = (typeof TRIED_DEVICES)[number];

const datedSchema = z.object({ atMs: z.number(), outcome: outcomeSchema }).optional();

const fileSchema = z.object({
  /** Where it was found out: Nibble's runtime, processor, system. Elsewhere it says nothing. */
  machine: z.string(),
  /** What was asked for: another context may not fit, or may. */
  contextLength: z.number(),
  processor: ratesSchema.nullable(),
  devices: z.object({ cuda: datedSchema, webgpu: datedSchema }),
});

/** What is known of a model on this computer. */
export interface DeviceRecord {
  /** Null until a device computed the model. */
  readonly processor: z.infer<typeof ratesSchema> | null;
  readonly devices: Readonly<Partial<Record<TriedDevice, DeviceOutcome>>>;
}

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

async function readRecord(
  directory: string,
  contextLength: number,
): Promise<z.infer<typeof fileSchema>> {
  const machine = thisMachine();
  const read = fileSchema.safeParse(
    await readJsonFile(directory, DEVICE_RECORD_FILE).catch(() => null),
  );
  return read.success && read.data.machine === machine && read.data.contextLength === contextLength
    ? read.data
    : { machine, contextLength, processor: null, devices: {} };
}

/** What is known of a model on this computer and still counts. */
export async function readDeviceRecord(
  directory: string,
  contextLength: number,
): Promise<DeviceRecord> {
  const { processor, devices } = await readRecord(directory, contextLength);
  const known: Partial<Record<TriedDevice, DeviceOutcome>> = {};
  for (const device of TRIED_DEVICES) {
    const entry = devices[device];
    if (entry === undefined) continue;
    const { outcome, atMs } = entry;
    if (outcome.kind === 'measured' || Math.abs(Date.now() - atMs) < FAILURE_LASTS_MS)
      known[device] = outcome;
  }
  return { processor, devices: known };
}

/**
 * Keeps what was found out of one device beside what is known of the others. Only a convenience: where the folder cannot
 * be written to it is found out again.
 *
 * @param processor how fast the CPU was beside it; null where that was not measured
 */
export async function keepDeviceOutcome(
  directory: string,
  contextLength: number,
  device: TriedDevice,
  outcome: DeviceOutcome,
  processor: DeviceRecord['processor'] = null,
): Promise<void> {
  const record = await readRecord(directory, contextLength);
  const kept: z.infer<typeof fileSchema> = {
    ...record,
    processor: processor ?? record.processor,
    devices: { ...record.devices, [device]: { atMs: Date.now(), outcome } },
  };
  await replaceFile(path.join(directory, DEVICE_RECORD_FILE), JSON.stringify(kept)).catch(
    () => undefined,
  );
}
