import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  formatBits,
  formatBytes,
  formatDuration,
  formatPercent,
} from '../../../app/contract/format.ts';
import { storedWeightsBytes } from '../../../app/contract/checkpoint.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import type { Session } from '../session.ts';
import { lossWords, NOT_MEASURED } from '../words/loss.ts';

interface QuantizeOptions {
  readonly source: string;
  readonly scheme: SchemeName[];
  readonly blockSize?: number;
  readonly outputLayerCopy: boolean;
  readonly device: 'auto' | 'cpu' | 'cuda';
  readonly name?: string;
  readonly threads?: number;
}

/** Makes one artifact per scheme. */
export async function quantizeCommand(
  { engine, output, progress, clearProgress }: Session,
  { scheme, ...rest }: QuantizeOptions,
): Promise<undefined> {
  const artifacts = await engine.quantize({ ...rest, schemes: scheme }, progress);
  clearProgress();
  output.document(artifacts);
  output.table(
    ['Id', 'Size', 'Of 16 bit', 'Bits per weight', 'SQNR', 'Time'],
    artifacts.map((artifact) => [
      output.style('bold', artifact.id),
      formatBytes(artifact.sizeBytes),
      formatPercent(storedWeightsBytes(artifact) / artifact.sourceBytes),
      formatBits(artifact.totals.bitsPerWeight),
      lossWords(artifact.totals),
      artifact.quantizeMs === null ? NOT_MEASURED : formatDuration(artifact.quantizeMs),
    ]),
    [1, 2, 3, 4, 5],
  );
  const copy = artifacts.find(({ outputLayerCopy }) => outputLayerCopy !== null)?.outputLayerCopy;
  if (copy !== undefined && copy !== null)
    output.line(
      output.style(
        'dim',
        `Counted: ${formatBytes(copy.sizeBytes)} each for an 8-bit copy of the output layer, for speed (RMS error ${formatPercent(copy.relativeError, 2)}).`,
      ),
    );
  const first = artifacts[0];
  if (first !== undefined) {
    output.line();
    // Without a tokenizer there is nothing to chat with.
    output.line(
      existsSync(path.join(first.directory, 'tokenizer.json'))
        ? `Try it: nibble chat ${first.id}`
        : `Try it: nibble generate ${first.id} --ids 1,2,3 (it has no tokenizer to chat with)`,
    );
  }
  return undefined;
}
