import {
  storedWeightsBytes,
  type ArtifactTotals,
  type OutputLayerCopy,
  type TensorStatistics,
} from '../../../app/contract/checkpoint.ts';
import {
  formatBits,
  formatBytes,
  formatCount,
  formatDecibels,
  formatDuration,
  formatPercent,
} from '../../../app/contract/format.ts';
import type { Session } from '../session.ts';
import { lossWords, NOT_MEASURED } from '../words/loss.ts';

/** Enough to see which layers suffer, few enough for one screen. */
const WORST_TENSORS = 10;

function tensorRow(tensor: TensorStatistics): string[] {
  return [
    tensor.name,
    tensor.shape.join(' × '),
    formatBits(tensor.bitsPerWeight),
    lossWords(tensor),
    tensor.relativeError === null ? NOT_MEASURED : formatPercent(tensor.relativeError, 2),
    tensor.maxError?.toPrecision(3) ?? NOT_MEASURED,
    tensor.cosine?.toFixed(6) ?? NOT_MEASURED,
    tensor.reason ?? '',
  ];
}

function errorWords({ sqnrDb, relativeError }: ArtifactTotals): string {
  if (relativeError === null)
    return `${NOT_MEASURED}: another program quantized it, and what it was before is not known`;
  if (sqnrDb === null) return 'none: the weights are as they were';
  return `SQNR ${formatDecibels(sqnrDb)}, RMS error ${formatPercent(relativeError, 2)} of the weights' RMS`;
}

function outputLayerWords(copy: OutputLayerCopy | null): string {
  if (copy === null) return 'as in the weights; no 8-bit copy';
  const error =
    copy.sqnrDb === null
      ? 'no error'
      : `SQNR ${formatDecibels(copy.sqnrDb)}, RMS error ${formatPercent(copy.relativeError, 2)} of its RMS`;
  return `also in 8 bit, for speed: ${formatBytes(copy.sizeBytes)} of these weights; ${error}`;
}

/** Shows a checkpoint, or an artifact with its error statistics. */
export async function showCommand(
  { engine, output, quiet }: Session,
  options: { id: string; all: boolean },
): Promise<undefined> {
  const found = await engine.show({ id: options.id }, quiet);
  output.document(found);
  if (found.kind === 'checkpoint') {
    const { checkpoint, artifacts } = found;
    output.line(output.style('bold', checkpoint.name));
    output.line(
      `${checkpoint.architecture} · ${formatCount(checkpoint.parameters)} parameters · ${formatBytes(checkpoint.sizeBytes)} · ${checkpoint.license ?? 'no licence stated'}`,
    );
    output.line(checkpoint.directory);
    output.line(
      artifacts.length === 0
        ? `Nothing made of it yet: nibble quantize ${checkpoint.id} --scheme nf4-dq`
        : `Versions: ${artifacts.map((artifact) => artifact.id).join(', ')}`,
    );
    return undefined;
  }
  const { artifact, tensors, evaluations } = found;
  const { totals } = artifact;
  output.line(output.style('bold', artifact.name));
  output.table(
    ['', ''],
    [
      [
        'Scheme',
        `${artifact.scheme}${artifact.blockSize === null ? '' : `, block size ${artifact.blockSize}`}`,
      ],
      ['Architecture', `${artifact.architecture}, ${formatCount(totals.parameters)} parameters`],
      [
        'Size',
        `${formatBytes(artifact.sizeBytes)} in all; weights ${formatBytes(storedWeightsBytes(artifact))}, ${formatPercent(storedWeightsBytes(artifact) / artifact.sourceBytes)} of ${formatBytes(artifact.sourceBytes)}`,
      ],
      [
        'Bits per weight',
        `${formatBits(totals.bitsPerWeight)} over the whole model; ${formatBits(totals.quantizedBitsPerWeight)} over the ${formatCount(totals.quantizedParameters)} quantized weights`,
      ],
      ['Error', errorWords(totals)],
      ['Output layer', outputLayerWords(artifact.outputLayerCopy)],
      ['Fingerprint', artifact.weightsSha256],
      artifact.quantizeMs === null
        ? ['Added', `${artifact.createdAt}; another program made it`]
        : ['Made', `${artifact.createdAt} in ${formatDuration(artifact.quantizeMs)}`],
      [
        'Folder',
        artifact.recordsDirectory === undefined
          ? artifact.directory
          : `${artifact.directory}, which is never changed`,
      ],
    ],
  );
  for (const evaluation of evaluations)
    output.line(
      `Perplexity ${evaluation.perplexity.toFixed(4)} ± ${evaluation.perplexityError.toFixed(4)} on ${evaluation.textName} (${evaluation.tokens} tokens, ${evaluation.mode})`,
    );
  const quantized = tensors.filter((tensor) => tensor.treatment === 'quantized');
  const shown = options.all
    ? tensors
    : quantized
        .sort((a, b) => (b.relativeError ?? 0) - (a.relativeError ?? 0))
        .slice(0, WORST_TENSORS);
  if (shown.length === 0) return undefined;
  output.line();
  output.line(
    output.style(
      'bold',
      options.all
        ? `All ${tensors.length} tensors`
        : totals.relativeError === null
          ? `The first ${shown.length} of ${quantized.length} quantized tensors`
          : `The ${shown.length} of ${quantized.length} quantized tensors with the largest relative error`,
    ),
  );
  output.table(
    ['Tensor', 'Shape', 'Bits', 'SQNR', 'Rel. error', 'Max error', 'Cosine', ''],
    shown.map(tensorRow),
    [2, 3, 4, 5, 6],
  );
  return undefined;
}
