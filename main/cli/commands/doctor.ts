import { formatBytes } from '../../../app/contract/format.ts';
import type { Doctor } from '../../../app/contract/inspection.ts';
import type { Session } from '../session.ts';

/** Shows what this computer can do. */
export async function doctorCommand({ engine, output, quiet }: Session): Promise<undefined> {
  const report = await engine.doctor({}, quiet);
  output.document(report);
  const { processor, memory, home } = report;
  output.table(
    ['', ''],
    [
      [
        'Versions',
        Object.entries(report.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ],
      ['System', report.platform],
      ['Processor', `${processor.model}, ${processor.cores} cores`],
      ['Kernels', `${processor.isa} (${processor.features.join(' ')})`],
      ['Memory', `${formatBytes(memory.totalBytes)}, ${formatBytes(memory.freeBytes)} free`],
      [
        'GPU',
        [
          ...report.gpus.map(gpuText),
          ...(report.gpuNote === null && report.gpus.length > 0 ? [] : [report.gpuNote ?? 'none']),
        ].join('; '),
      ],
      ['Providers', report.providers.join(', ')],
      [
        'Home',
        `${home.directory}, ${formatBytes(home.usedBytes)} used${home.freeBytes === null ? '' : `, ${formatBytes(home.freeBytes)} free`}`,
      ],
      ['Hub', `${report.endpoint}${report.hasToken ? ', with a token' : ''}`],
    ],
  );
  for (const problem of report.problems) output.line(output.style('yellow', `! ${problem}`));
  return undefined;
}

function gpuText({ name, memoryBytes, computeCapability, driver }: Doctor['gpus'][number]): string {
  return [
    name,
    ...(memoryBytes === null ? [] : [formatBytes(memoryBytes)]),
    ...(computeCapability === null ? [] : [`compute capability ${computeCapability}`]),
    ...(driver === null ? [] : [`driver for CUDA ${driver}`]),
  ].join(', ');
}
