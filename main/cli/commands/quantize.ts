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
import { announceHub } from '../source-hub.ts';
import { sinceWords } from '../words/since.ts';
import { lossWords, NOT_MEASURED } from '../words/loss.ts';
import { UsageError } from '../usage-error.ts';

interface QuantizeOptions {
  readonly source: string;
  readonly scheme: SchemeName[];
  readonly blockSize?: number;
  readonly outputLayerCopy: boolean;
  readonly device: 'auto' | 'cpu' | 'cuda';
  readonly name?: string;
  readonly threads?: number;
}

/** How long it took; of what was there already nothing took any time. */
function timeWords({ isNew, quantizeMs }: { isNew: boolean; quantizeMs: number | null }): string {
  if (!isNew) return 'made before';
  return quantizeMs === null ? NOT_MEASURED : formatDuration(quantizeMs);
}

/** Makes one artifact per scheme. */
export async function quantizeCommand(
  session: Session,
  { scheme, ...rest }: QuantizeOptions,
): Promise<undefined> {
  const { engine, output, progress, clearProgress, quiet } = session;
  const names = (await engine.schemes({}, quiet)).map(({ name }) => name);
  const wrong = scheme.find((name) => !names.includes(name));
  if (wrong !== undefined)
    throw new UsageError(`There is no scheme '${wrong}'.`, `Schemes: ${names.join(', ')}.`);
  const { otherHub } = await announceHub(session, rest.source);
  const artifacts = await engine.quantize({ ...rest, schemes: scheme }, progress);
  clearProgress();
  output.document(artifacts.map((artifact) => ({ ...artifact, otherHub })));
  output.table(
    ['Id', 'Size', 'Of 16 bit', 'Bits per weight', 'SQNR', 'Time'],
    artifacts.map((artifact) => [
      output.style('bold', artifact.id),
      formatBytes(artifact.sizeBytes),
      formatPercent(storedWeightsBytes(artifact) / artifact.sourceBytes),
      formatBits(artifact.totals.bitsPerWeight),
      lossWords(artifact.totals),
      timeWords(artifact),
    ]),
    [1, 2, 3, 4, 5],
  );
  for (const artifact of artifacts)
    if (!artifact.isNew) output.line(`${artifact.id}: ${sinceWords(artifact)}; nothing was made.`);
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
