import os from 'node:os';
import type { EngineApi } from '../../app/contract/engine-api.ts';
import { toAppError } from '../../app/contract/error.ts';
import { formatBytes } from '../../app/contract/format.ts';
import type { Client } from '../../app/contract/rpc.ts';

export interface DiagnosticsInput {
  readonly host: string;
  readonly engine: Pick<Client<EngineApi>, 'doctor'>;
  /** Newest last. */
  readonly logLines: readonly string[];
}

/** Names of people stand in the paths of their home folders. */
function withoutHome(text: string): string {
  const home = os.homedir();
  return home.length > 1 ? text.replaceAll(home, '~') : text;
}

/** What a report of a problem needs, as text to paste: versions, machine, the newest lines of the log; nothing secret. */
export async function diagnosticsText({
  host,
  engine,
  logLines,
}: DiagnosticsInput): Promise<string> {
  const lines = [`host: ${host}`, `system: ${os.type()} ${os.release()} ${os.arch()}`];
  try {
    const doctor = await engine.doctor({});
    for (const [name, version] of Object.entries(doctor.versions))
      lines.push(`${name}: ${version}`);
    const { processor, memory } = doctor;
    lines.push(
      `processor: ${processor.model}, ${processor.cores} cores, ${processor.isa}`,
      `memory: ${formatBytes(memory.totalBytes)}, ${formatBytes(memory.freeBytes)} free`,
      `GPUs: ${doctor.gpus.map((gpu) => gpu.name).join(', ') || (doctor.gpuNote ?? 'none')}`,
      `providers: ${doctor.providers.join(', ')}`,
      `home: ${doctor.home.directory}, ${doctor.home.writable ? 'writable' : 'not writable'}`,
      ...doctor.problems.map((problem) => `problem: ${problem}`),
    );
  } catch (error) {
    lines.push(`doctor: ${toAppError(error).message}`);
  }
  lines.push('', 'log:', ...logLines);
  return withoutHome(lines.join('\n'));
}
