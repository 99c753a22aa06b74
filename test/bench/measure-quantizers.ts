import { rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { artifactSchema, type Artifact } from '../../app/contract/checkpoint.ts';
import type { SchemeName } from '../../app/contract/scheme.ts';
import { WEIGHTS_FILE } from '../../app/checkpoint/index.ts';
import type { QuantizeResult } from './results.ts';
import { runTrial } from './run-trial.ts';
import type { Shape } from './shapes.ts';
import { artifactFileBytes } from './token-bytes.ts';

export interface QuantizerSettings {
  readonly rounds: number;
  readonly threads: number;
  /** Folder that the artifacts are made in; emptied before every round. */
  readonly home: string;
  readonly checkpoint: string;
  /** A Python that has bitsandbytes. */
  readonly python: string | null;
}

/** What the contenders run. */
const SCHEMES = ['nf4-dq', 'llm-int8'] as const satisfies SchemeName[];

/** A layer of Llama-3.2-1B's MLP: large enough that starting threads is nothing. */
const MATRIX = { rows: 8192, columns: 2048 } as const;

const jobSchema = z.object({ artifact: artifactSchema });
const ratesSchema = z.object({ rates: z.record(z.string(), z.number()) });
const pythonSchema = ratesSchema.extend({ version: z.string() });

/** Makes one artifact in `home`. */
export function quantizeOnce(home: string, checkpoint: string, scheme: SchemeName): Artifact {
  return runTrial('../quantize-trial.ts', [home, checkpoint, scheme], jobSchema).artifact;
}

function collect(samples: Record<string, number[]>, rates: Readonly<Record<string, number>>): void {
  for (const [name, rate] of Object.entries(rates)) (samples[name] ??= []).push(rate);
}

/**
 * Quantizes the checkpoint as often as there are rounds, in turns with copying as many bytes and with bitsandbytes.
 *
 * @returns what was measured, and the artifacts of the last round
 */
export function measureQuantizers(
  shape: Shape,
  { rounds, threads, home, checkpoint, python }: QuantizerSettings,
  say: (line: string) => void,
): { result: QuantizeResult; artifacts: Artifact[] } {
  const weightsFile = path.join(checkpoint, WEIGHTS_FILE);
  const matrixArgs = [String(MATRIX.rows), String(MATRIX.columns), String(threads)];
  const jobs = SCHEMES.map((scheme) => ({
    scheme,
    weights: 0,
    ms: [] as number[],
    copyMs: [] as number[],
  }));
  const ours: Record<string, number[]> = {};
  const theirs: Record<string, number[]> = {};
  let version = '';
  let artifacts: Artifact[] = [];
  for (let round = 0; round < rounds; round++) {
    rmSync(home, { recursive: true, force: true });
    artifacts = jobs.map((job) => {
      const artifact = quantizeOnce(home, checkpoint, job.scheme);
      job.weights = artifact.totals.quantizedParameters;
      const quantizeMs = artifact.quantizeMs ?? NaN;
      job.ms.push(quantizeMs);
      const bytes = artifactFileBytes(artifact.directory);
      const copy = path.join(path.dirname(home), 'copy.tmp');
      const { ms } = runTrial(
        'copy-file.ts',
        [weightsFile, copy, String(Math.min(bytes, statSync(weightsFile).size))],
        z.object({ ms: z.number() }),
      );
      job.copyMs.push(ms);
      say(
        `  round ${round + 1} of ${rounds}: ${job.scheme}: ${(job.weights / quantizeMs / 1000).toFixed(0)} M weights/s, ${(quantizeMs / ms).toFixed(2)} times a copy`,
      );
      return artifact;
    });
    collect(ours, runTrial('nibble-rate.ts', matrixArgs, ratesSchema).rates);
    if (python === null) continue;
    const rival = runTrial('bitsandbytes-rate.py', matrixArgs, pythonSchema, python);
    ({ version } = rival);
    collect(theirs, rival.rates);
  }
  const result = {
    key: shape.key,
    title: shape.title,
    measuredAt: new Date().toISOString(),
    jobs,
    matrix: {
      ...MATRIX,
      ours,
      bitsandbytes: python === null ? null : { version, rates: theirs },
    },
  };
  return { result, artifacts };
}
