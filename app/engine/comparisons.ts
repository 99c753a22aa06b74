import { comparisonReport, reportFileName, scoreText, winRatesOf } from '../compare/index.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import type { Handlers } from '../contract/rpc.ts';
import { heldOutText, samplePrompts } from '../sample/index.ts';
import { artifactOf } from './catalog-calls.ts';
import { toolVersion, type EngineContext } from './context.ts';

type ComparisonCalls = Pick<
  Handlers<EngineApi>,
  | 'comparisons'
  | 'comparison'
  | 'removeComparison'
  | 'vote'
  | 'winRates'
  | 'scoreText'
  | 'exportComparison'
  | 'samples'
>;

/** The calls about comparisons that were made, and about texts as several artifacts read them. */
export function comparisonCalls(context: EngineContext): ComparisonCalls {
  const { comparisons } = context.catalog;
  return {
    comparisons: async () => Promise.resolve(comparisons.summaries()),

    comparison: async ({ comparisonId }) => Promise.resolve(comparisons.get(comparisonId)),

    removeComparison: async ({ comparisonId }) => {
      comparisons.remove(comparisonId);
      return Promise.resolve({});
    },

    vote: async ({ comparisonId, artifactId, blind }) => {
      comparisons.addVote(comparisonId, {
        artifactId,
        blind,
        createdAt: new Date().toISOString(),
      });
      return Promise.resolve(comparisons.get(comparisonId));
    },

    winRates: async () => Promise.resolve(winRatesOf(comparisons.ballots())),

    samples: async () => ({ heldOutText: await heldOutText(), prompts: await samplePrompts() }),

    scoreText: async ({ referenceId, ids, text, mode }, { signal, emit }) =>
      scoreText({
        reference: artifactOf(context, referenceId),
        others: ids.map((id) => artifactOf(context, id)),
        text,
        mode,
        spillDirectory: context.home.directory,
        openRunner: context.openRunner,
        signal,
        onProgress: emit,
      }),

    exportComparison: async ({ comparisonId }) => {
      const comparison = comparisons.get(comparisonId);
      const { models } = context.catalog;
      return Promise.resolve({
        fileName: reportFileName(comparison),
        html: comparisonReport({
          comparison,
          nameOf: (id) => models.artifact(id)?.name ?? id,
          version: toolVersion(),
          now: new Date(),
        }),
      });
    },
  };
}
