import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Artifact, Evaluation } from '../contract/checkpoint.ts';
import { AppError } from '../contract/error.ts';
import type { Progress } from '../contract/progress.ts';
import type { CacheType } from '../contract/sampling.ts';
import { makeTemporaryFile, type OnDiskFull } from '../disk/index.ts';
import { ProgressMeter } from '../progress/index.ts';
import { openArtifact } from './ask-artifact.ts';
import { MeasurementJournal, type MeasuredWindow } from './measurement-journal.ts';
import { DivergenceMeter, LossMeter } from './metrics.ts';
import type { OpenedRunner, OpenRunner } from './open-runner.ts';
import {
  LOGITS_NAME,
  requireSameTokens,
  scoredRows,
  scoreWindow,
  tokenize,
  type RowRange,
  type TokenizedText,
  type Window,
} from './teacher-forced.ts';

/** Long enough for attention to matter, short enough that a window's logits fit in memory (see README). */
const DEFAULT_WINDOW_TOKENS = 512;

export interface EvaluateOptions {
  readonly artifact: Artifact;
  /** Measured against; null for perplexity alone. */
  readonly reference: Artifact | null;
  readonly text: string;
  readonly mode: 'fast' | 'exact';
  /** What keeps the artifact's context; the reference's is the mode's own. */
  readonly cacheType?: CacheType | undefined;
  /** Tokens that the model sees at once. @default 512, or its context where that is shorter */
  readonly windowTokens?: number | undefined;
  /** Where a window's logits of the reference lie while the artifact is measured (512 tokens of 128,000: 262 MB). */
  readonly spillDirectory: string;
  /** Stop after this many tokens of the text. */
  readonly maxTokens?: number | undefined;
  /**
   * The file that remembers which windows are done. One that was stopped goes on after the last of them; the caller
   * deletes it when the result is kept. @default none
   */
  readonly journalFile?: string | undefined;
  /** What becomes of the journal on a full disk. @default 'pause' */
  readonly onDiskFull?: OnDiskFull | undefined;
  readonly openRunner: OpenRunner;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** What was measured; `tokens` counts the scored ones. */
export type Measured = Pick<
  Evaluation,
  | 'weightsSha256'
  | 'referenceWeightsSha256'
  | 'tokens'
  | 'windowTokens'
  | 'perplexity'
  | 'perplexityError'
  | 'meanKl'
  | 'p99Kl'
  | 'topAgreement'
>;

/** Cuts a text into windows that do not overlap. Behind a prefix every token of the text is scored. */
function cutWindows({ prefix, ids }: TokenizedText, windowTokens: number): Window[] {
  const step = windowTokens - prefix.length;
  const windows: Window[] = [];
  for (let start = 0; start < ids.length; start += step) {
    const window = [...prefix, ...ids.slice(start, start + step)];
    if (window.length >= 2) windows.push(window);
  }
  return windows;
}

function chooseWindow(wanted: number | undefined, contextLength: number): number {
  if (wanted !== undefined && wanted > contextLength)
    throw new AppError(
      'invalid-input',
      `A window of ${wanted} tokens does not fit into the model's context of ${contextLength}.`,
      { remedy: `Choose a window of at most ${contextLength} tokens.` },
    );
  return wanted ?? Math.min(DEFAULT_WINDOW_TOKENS, contextLength);
}

/** What the figures of a window depend on beside the windows before it. */
function identityOf(
  { artifact, reference, mode, cacheType }: EvaluateOptions,
  windowTokens: number,
  windows: readonly Window[],
): string {
  const weightsOf = (model: Artifact | null): unknown =>
    model && [model.weightsSha256, model.outputLayerCopy?.sha256 ?? null];
  const models = [weightsOf(artifact), weightsOf(reference), mode, cacheType ?? null];
  return createHash('sha256')
    .update(JSON.stringify([models, windowTokens, windows]))
    .digest('hex');
}

/** The model that is measured against, and the file through which it hands over its logits. */
interface Reference {
  readonly runner: OpenedRunner;
  readonly logitsFile: string;
}

async function measure(
  options: EvaluateOptions,
  runner: OpenedRunner,
  reference: Reference | null,
): Promise<Measured> {
  const { artifact, text, maxTokens, signal } = options;
  const windowTokens = chooseWindow(options.windowTokens, runner.loaded.contextLength);
  const tokens = await tokenize(runner.client, text);
  if (reference !== null)
    requireSameTokens(
      { runner, tokens },
      { runner: reference.runner, tokens: await tokenize(reference.runner.client, text) },
    );
  const { prefix } = tokens;
  const windows = cutWindows({ prefix, ids: tokens.ids.slice(0, maxTokens) }, windowTokens);
  const rowsOf = windows.map((window) => scoredRows(window, prefix.length));
  const total = rowsOf.reduce((sum, { first, end }) => sum + end - first, 0);
  if (total === 0)
    throw new AppError('invalid-input', 'The text is too short: it has not one token to predict.', {
      remedy: 'Give a text of at least a few sentences.',
    });
  const { onProgress } = options;
  const meter = new ProgressMeter({
    step: artifact.id,
    phase: 'evaluate',
    subject: artifact.name,
    artifact: artifact.id,
    format: artifact.scheme,
    unit: 'tokens',
    total,
    onProgress,
  });
  const journal =
    options.journalFile === undefined
      ? null
      : await MeasurementJournal.open(
          options.journalFile,
          identityOf(options, windowTokens, windows),
          {
            directory: path.dirname(options.journalFile),
            onDiskFull: options.onDiskFull,
            signal,
            ...meter.waits,
          },
        );
  // First of all what was measured before: a measurement that goes on never seems to begin anew.
  const windowsBefore = journal?.finished ?? [];
  meter.skip(windowsBefore.reduce((sum, window) => sum + window.losses.length, 0));
  meter.announce(artifact.name);
  try {
    const { losses, divergences } = await measureWindows({
      options,
      runner,
      reference,
      windows,
      rowsOf,
      meter,
      journal,
    });
    // What is kept names weights that were read.
    const weights = await runner.client.checkWeights({ now: true }, { signal });
    const other = await reference?.runner.client.checkWeights({ now: true }, { signal });
    meter.finish();
    return {
      weightsSha256: weights.weightsSha256,
      referenceWeightsSha256: other?.weightsSha256 ?? null,
      tokens: losses.count,
      windowTokens,
      perplexity: losses.perplexity,
      perplexityError: losses.perplexityError,
      meanKl: divergences?.meanKl ?? null,
      p99Kl: divergences?.p99Kl ?? null,
      topAgreement: divergences?.topAgreement ?? null,
    };
  } finally {
    await journal?.close();
  }
}

interface WindowsToMeasure {
  readonly options: EvaluateOptions;
  readonly runner: OpenedRunner;
  readonly reference: Reference | null;
  readonly windows: readonly Window[];
  /** The scored rows of each window. */
  readonly rowsOf: readonly RowRange[];
  readonly meter: ProgressMeter;
  readonly journal: MeasurementJournal | null;
}

async function measureWindows({
  options: { signal },
  runner,
  reference,
  windows,
  rowsOf,
  meter,
  journal,
}: WindowsToMeasure): Promise<{ losses: LossMeter; divergences: DivergenceMeter | null }> {
  const losses = new LossMeter();
  const divergences = reference === null ? null : new DivergenceMeter();
  const finished = journal?.finished ?? [];
  for (const window of finished) {
    for (const loss of window.losses) losses.add(loss);
    for (const [kl, sameTop] of window.divergences) divergences?.add({ kl, sameTop });
  }
  for (const [i, window] of windows.entries()) {
    if (i < finished.length) continue;
    const measured: MeasuredWindow = { losses: [], divergences: [] };
    const rows = rowsOf[i] ?? { first: 0, end: 0 };
    // One after the other: both at once would only fight for the same cores.
    if (reference !== null)
      await scoreWindow(
        reference.runner,
        window,
        { ...rows, keep: reference.logitsFile },
        () => undefined,
        signal,
      );
    await scoreWindow(
      runner,
      window,
      { ...rows, reference: reference?.logitsFile },
      ({ loss, divergence }) => {
        losses.add(loss);
        measured.losses.push(loss);
        if (divergence !== null) {
          divergences?.add(divergence);
          measured.divergences.push([divergence.kl, divergence.sameTop]);
        }
        meter.advance(1);
      },
      signal,
    );
    await journal?.add(measured);
  }
  return { losses, divergences };
}

/**
 * Measures how well an artifact predicts a text and, against a reference, how far its predictions moved.
 *
 * Teacher-forced: the model reads the text in windows that do not overlap, and each token is scored by what the model
 * expected before it saw it. What the tokenizer puts in front of a text stands in front of every window.
 *
 * @throws AppError `invalid-input` for a text or window that cannot be used, `aborted`, and whatever running throws
 */
export async function evaluateArtifact(options: EvaluateOptions): Promise<Measured> {
  const { artifact, reference, mode, cacheType, openRunner, signal } = options;
  const runner = await openArtifact(openRunner, artifact, { mode, cacheType, signal });
  try {
    if (reference === null) return await measure(options, runner, null);
    const referenceRunner = await openArtifact(openRunner, reference, { mode, signal });
    const logitsFile = await makeTemporaryFile(path.join(options.spillDirectory, LOGITS_NAME));
    try {
      return await measure(options, runner, { runner: referenceRunner, logitsFile });
    } finally {
      await referenceRunner.close();
      await rm(logitsFile, { force: true });
    }
  } finally {
    await runner.close();
  }
}
