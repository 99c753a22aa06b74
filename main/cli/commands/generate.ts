import { exportLogits } from '../../../app/engine.ts';
import { answerSummary, rawSampling, withCheckedWeights, withRunner } from '../generation.ts';
import { printProfile } from '../profile-table.ts';
import type { GenerationOptions } from '../arguments.ts';
import { exitCodes, type Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';

interface GenerateOptions extends GenerationOptions {
  readonly id: string;
  readonly ids: number[];
  readonly logits?: string;
  readonly ignoreStop: boolean;
}

/** Continues raw token ids; with --logits also writes what the model thinks of every prompt position. */
export async function generateCommand(session: Session, options: GenerateOptions): Promise<number> {
  const { output, signal } = session;
  return withRunner(session, options.id, options, async (runner, artifact) => {
    const { vocabularySize } = runner.loaded;
    const outside = options.ids.find((id) => id >= vocabularySize);
    if (outside !== undefined)
      throw new UsageError(
        `--ids: ${artifact.id} has the tokens 0 to ${vocabularySize - 1}, and no ${outside}`,
      );
    if (options.logits !== undefined)
      await exportLogits({
        client: runner.client,
        ids: options.ids,
        vocabularySize: runner.loaded.vocabularySize,
        file: options.logits,
        signal,
      });
    const sampling = rawSampling(options);
    const answered = await runner.client.generate(
      {
        ids: options.ids,
        sampling,
        // Someone who asked for logits alone wants no continuation.
        maxTokens: options.maxTokens ?? (options.logits === undefined ? 64 : 0),
        ignoreStopIds: options.ignoreStop,
      },
      { signal },
    );
    const answer = await withCheckedWeights(answered, runner, signal);
    output.line(answer.ids.join(','));
    if (options.logits !== undefined) output.note(`Logits written to ${options.logits}`);
    output.note(output.style('dim', answerSummary(answer, sampling)));
    const profile = await printProfile(output, runner, options.profile);
    output.document({
      artifactId: artifact.id,
      sampling,
      logits: options.logits ?? null,
      device: runner.loaded.device,
      deviceReason: runner.loaded.deviceReason,
      ...answer,
      ...profile,
    });
    return answer.statistics.stop === 'cancelled' ? exitCodes.interrupted : exitCodes.done;
  });
}
