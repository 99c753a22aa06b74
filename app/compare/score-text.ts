import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Artifact } from '../contract/checkpoint.ts';
import type { ScoredText } from '../contract/comparison.ts';
import { AppError } from '../contract/error.ts';
import type { Progress } from '../contract/progress.ts';
import type { SpokenWeights } from '../contract/weights-check.ts';
import { makeTemporaryFile } from '../disk/index.ts';
import { ProgressMeter } from '../progress/index.ts';
import { namingArtifact, openArtifact } from './ask-artifact.ts';
import type { OpenedRunner, OpenRunner } from './open-runner.ts';
import {
  LOGITS_NAME,
  requireSameTokens,
  scoredRows,
  scoreWindow,
  tokenize,
  type RowsToScore,
  type TokenizedText,
  type Window,
} from './teacher-forced.ts';

/** As many as a person looks through word by word, and as a reference's logits fit on a disk (2048 rows of a vocabulary of 250,000 are
 * 2 GB). */
const MOST_TOKENS = 2048;

export interface ScoreTextOptions {
  readonly reference: Artifact;
  /** Read after the reference, in this order; the reference itself and repeated ones are left out. */
  readonly others: readonly Artifact[];
  readonly text: string;
  readonly mode: 'fast' | 'exact';
  /** Where up to 2 GB of logits may lie for a while. */
  readonly spillDirectory: string;
  readonly openRunner: OpenRunner;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** What one model said of each token of the window; null where it said nothing. */
interface Reading {
  readonly artifact: Artifact;
  readonly weights: SpokenWeights;
  readonly logprobs: (number | null)[];
  readonly kl: (number | null)[];
  readonly agrees: (boolean | null)[];
}

/** The text as the reference tokenizes it. */
interface SharedText {
  readonly tokens: TokenizedText;
  /** Text of each of `tokens.ids`. */
  readonly pieces: readonly string[];
  readonly window: Window;
}

function emptyReading(artifact: Artifact, weights: SpokenWeights, length: number): Reading {
  const nothing = (): null[] => Array.from({ length }, () => null);
  return { artifact, weights, logprobs: nothing(), kl: nothing(), agrees: nothing() };
}

async function readText({ client, loaded }: OpenedRunner, text: string): Promise<SharedText> {
  const tokens = await tokenize(client, text);
  const limit = Math.min(MOST_TOKENS, loaded.contextLength);
  const window = [...tokens.prefix, ...tokens.ids].slice(0, limit);
  const rows = scoredRows(window, tokens.prefix.length);
  if (rows.end <= rows.first)
    throw new AppError('invalid-input', 'The text is too short: it has not one token to predict.', {
      remedy: 'Give a text of at least a few words.',
    });
  // All of it, also what is not read: a piece cut off inside a character would end in a replacement character.
  const { pieces } = await client.detokenize({ ids: [...tokens.ids] });
  return { tokens, pieces, window };
}

/** Has a model read the window, which writes its logits to `keep` or is measured against those in `reference`. */
async function readWindow(
  runner: OpenedRunner,
  artifact: Artifact,
  window: Window,
  rows: RowsToScore,
  onRow: () => void,
  signal: AbortSignal | undefined,
): Promise<Reading> {
  const reading = emptyReading(artifact, runner.loaded, window.length);
  await scoreWindow(
    runner,
    window,
    rows,
    ({ row, loss, divergence }) => {
      reading.logprobs[row + 1] = -loss;
      // The reference is no way from itself.
      reading.kl[row + 1] = divergence?.kl ?? 0;
      reading.agrees[row + 1] = divergence?.sameTop ?? true;
      onRow();
    },
    signal,
  );
  return { ...reading, weights: await runner.client.checkWeights({ now: true }, { signal }) };
}

function mean(values: readonly (number | null)[]): number {
  const known = values.filter((value) => value !== null);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** @param length Tokens that every model read. */
function toColumn(reading: Reading, length: number): ScoredText['columns'][number] {
  const logprobs = reading.logprobs.slice(0, length);
  const kl = reading.kl.slice(0, length);
  const agrees = reading.agrees.slice(0, length);
  return {
    artifactId: reading.artifact.id,
    scheme: reading.artifact.scheme,
    weightsSha256: reading.weights.weightsSha256,
    weightsCheck: reading.weights.weightsCheck,
    logprobs,
    kl,
    agrees,
    perplexity: Math.exp(-mean(logprobs)),
    meanKl: mean(kl),
    topAgreement: mean(agrees.map((agrees) => (agrees === null ? null : Number(agrees)))),
  };
}

/**
 * Reads a text with a reference and others, teacher-forced, and says token by token how far their predictions part.
 *
 * One model after another, each in a process of its own: none has to share its memory, and the reference's logits wait on
 * disk. At most 2048 tokens are read, fewer where a context is shorter; a token that the tokenizer puts in front of every
 * text comes first, with no text and no numbers. KL(reference ‖ other) is in nats, summed in float64 over the whole
 * vocabulary.
 *
 * @throws AppError `invalid-input` for a text without a token to predict, without a second artifact, or for models that
 * cut it into different tokens; `disk-full`, `aborted`, and what running throws, naming the artifact
 */
export async function scoreText(options: ScoreTextOptions): Promise<ScoredText> {
  const { reference, text, mode, spillDirectory, openRunner, signal, onProgress } = options;
  const others = options.others.filter(
    ({ id }, i, all) => id !== reference.id && all.findIndex((other) => other.id === id) === i,
  );
  if (others.length === 0)
    throw new AppError('invalid-input', `There is nothing to measure ${reference.id} against.`, {
      remedy: 'Choose a second artifact of the same model.',
    });
  const meter = new ProgressMeter({
    step: [reference, ...others].map(({ id }) => id).join(' '),
    phase: 'evaluate',
    subject: [reference, ...others].map(({ name }) => name).join(', '),
    unit: 'tokens',
    total: null,
    onProgress,
  });
  const onRow = (): void => {
    meter.advance(1);
  };
  const withRunner = async <T>(
    artifact: Artifact,
    use: (runner: OpenedRunner) => Promise<T>,
  ): Promise<T> => {
    meter.announce(artifact.name, artifact.id);
    try {
      const runner = await openArtifact(openRunner, artifact, {
        mode,
        maxContextLength: MOST_TOKENS,
        signal,
      });
      try {
        return await use(runner);
      } finally {
        await runner.close();
      }
    } catch (error) {
      throw namingArtifact(artifact, error);
    }
  };

  const logitsFile = await makeTemporaryFile(path.join(spillDirectory, LOGITS_NAME));
  try {
    const read = await withRunner(reference, async (runner) => {
      const shared = await readText(runner, text);
      const rows = scoredRows(shared.window, shared.tokens.prefix.length);
      meter.setTotal((rows.end - rows.first) * (others.length + 1));
      const kept = { ...rows, keep: logitsFile };
      const reading = await readWindow(runner, reference, shared.window, kept, onRow, signal);
      return { runner, shared, reading };
    });
    const { window, tokens, pieces } = read.shared;
    const prefixLength = tokens.prefix.length;
    let length = window.length;
    const readings = [read.reading];
    for (const other of others)
      readings.push(
        await withRunner(other, async (runner) => {
          requireSameTokens(
            { runner, tokens: await tokenize(runner.client, text) },
            { runner: read.runner, tokens },
          );
          length = Math.min(length, runner.loaded.contextLength);
          const shared = window.slice(0, length);
          const rows = { ...scoredRows(shared, prefixLength), reference: logitsFile };
          return readWindow(runner, other, shared, rows, onRow, signal);
        }),
      );
    meter.finish();
    const said = window.slice(0, length).map((id, i) => ({
      id,
      text: i < prefixLength ? '' : (pieces[i - prefixLength] ?? ''),
    }));
    return {
      referenceId: reference.id,
      text: said.map((token) => token.text).join(''),
      tokens: said,
      columns: readings.map((reading) => toColumn(reading, length)),
    };
  } finally {
    await rm(logitsFile, { force: true });
  }
}
