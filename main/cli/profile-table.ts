import type { ModelProfile, ProfilePhase } from '../../app/contract/profile.ts';
import type { OpenedRunner } from '../../app/contract/open-runner.ts';
import type { Output } from './output.ts';

const BYTES_PER_GIGABYTE = 1e9;

interface Row {
  readonly operator: string;
  readonly part: string;
  readonly calls: number;
  readonly ms: number;
  readonly bytes: number;
}

function rowsOf({ runs, runMs, samplingMs, parts }: ProfilePhase): Row[] {
  const inside = parts.reduce((sum, { ms }) => sum + ms, 0);
  const rest = { operator: 'ONNX Runtime', part: 'between operators', bytes: 0 };
  const sampling = { operator: 'Sampler', part: 'logits to token', bytes: 0 };
  const rows: Row[] = [...parts, { ...rest, calls: runs, ms: Math.max(0, runMs - inside) }];
  if (samplingMs > 0) rows.push({ ...sampling, calls: runs, ms: samplingMs });
  return rows;
}

function printPhase(output: Output, title: string, phase: ProfilePhase): void {
  if (phase.tokens === 0) return;
  const wholeMs = phase.runMs + phase.samplingMs;
  output.line();
  output.line(
    output.style(
      'bold',
      `${title}: ${phase.tokens} tokens in ${wholeMs.toFixed(1)} ms, ${(wholeMs / phase.tokens).toFixed(3)} ms per token`,
    ),
  );
  output.table(
    ['Operator', 'Part', 'Calls', 'Total ms', 'Share', 'ms/token', 'MB/call', 'GB/s'],
    rowsOf(phase).map(({ operator, part, calls, ms, bytes }) => [
      operator,
      part,
      String(calls),
      ms.toFixed(1),
      `${((100 * ms) / wholeMs).toFixed(1)} %`,
      (ms / phase.tokens).toFixed(3),
      bytes === 0 ? '' : (bytes / calls / 1e6).toFixed(2),
      bytes === 0 || ms === 0 ? '' : ((bytes / BYTES_PER_GIGABYTE / ms) * 1000).toFixed(1),
    ]),
    [2, 3, 4, 5, 6, 7],
  );
}

/**
 * Prints where the time of a runner went that was opened with a profile; for people alone, as every table.
 *
 * @returns the profile for the document of `--json`, or nothing when the runner has none
 */
export async function printProfile(
  output: Output,
  runner: OpenedRunner,
  wanted: boolean | undefined,
): Promise<{ profile?: ModelProfile }> {
  if (wanted !== true) return {};
  const profile = await runner.client.profile({});
  printPhase(output, 'Prefill', profile.prefill);
  printPhase(output, 'Decode', profile.decode);
  return { profile };
}
