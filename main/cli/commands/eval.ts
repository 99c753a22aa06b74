import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Evaluation } from '../../../app/contract/checkpoint.ts';
import { AppError } from '../../../app/contract/error.ts';
import { formatCount, formatPercent } from '../../../app/contract/format.ts';
import { divergenceWord } from '../../../app/contract/quality.ts';
import type { CacheType } from '../../../app/contract/sampling.ts';
import { heldOutText } from '../../../app/engine.ts';
import type { Output } from '../output.ts';
import type { Session } from '../session.ts';

interface EvalOptions {
  readonly id: string;
  readonly reference?: string;
  readonly text: string;
  readonly maxTokens?: number;
  readonly window?: number;
  readonly mode: 'fast' | 'exact';
  readonly cache?: CacheType;
}

/** Prints one evaluation for people. */
function printEvaluation(output: Output, evaluation: Evaluation): void {
  const rows = [
    [
      'Perplexity',
      `${evaluation.perplexity.toFixed(4)} ± ${evaluation.perplexityError.toFixed(4)} on ${evaluation.textName}, ${formatCount(evaluation.tokens)} tokens in windows of ${evaluation.windowTokens}`,
    ],
  ];
  if (evaluation.meanKl !== null)
    rows.push([
      'KL divergence',
      `mean ${evaluation.meanKl.toExponential(2)}, 99 % of the positions below ${evaluation.p99Kl?.toExponential(2) ?? '–'}: ${divergenceWord(evaluation.meanKl)}`,
    ]);
  if (evaluation.topAgreement !== null)
    rows.push([
      'Same choice',
      `${formatPercent(evaluation.topAgreement, 2)} of the positions have the same most likely token as ${evaluation.referenceId ?? 'the reference'}`,
    ]);
  if (evaluation.weightsSha256 !== null)
    rows.push([
      'Weights',
      [evaluation.weightsSha256, evaluation.referenceWeightsSha256]
        .filter((hash) => hash !== null)
        .map((hash) => `${hash.slice(0, 12)} (verified)`)
        .join(' against '),
    ]);
  output.table(['', ''], rows);
}

/**
 * Reads the text to measure on.
 *
 * @throws AppError `not-found` or `invalid-input` in words instead of the system's
 */
async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    const remedy =
      "Name a text file after --text, or 'sample' for the text that comes with Nibble.";
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new AppError('not-found', `There is no file ${file}.`, { remedy, cause: error });
    if (code === 'EISDIR')
      throw new AppError('invalid-input', `${file} is a folder, not a text file.`, {
        remedy,
        cause: error,
      });
    throw error;
  }
}

/** Measures perplexity, and the distance from a reference where one is given. */
export async function evalCommand(
  { engine, output, progress, clearProgress }: Session,
  options: EvalOptions,
): Promise<undefined> {
  const sample = options.text === 'sample';
  const evaluation = await engine.evaluate(
    {
      id: options.id,
      ...(options.reference === undefined ? {} : { referenceId: options.reference }),
      text: sample ? await heldOutText() : await readText(options.text),
      textName: sample ? 'sample text' : path.basename(options.text),
      mode: options.mode,
      ...(options.cache === undefined ? {} : { cacheType: options.cache }),
      ...(options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens }),
      ...(options.window === undefined ? {} : { windowTokens: options.window }),
    },
    progress,
  );
  clearProgress();
  output.document(evaluation);
  printEvaluation(output, evaluation);
  return undefined;
}
