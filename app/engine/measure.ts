import { createHash } from 'node:crypto';
import { compareArtifacts, evaluateArtifact } from '../compare/index.ts';
import type { Handlers } from '../contract/rpc.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import { artifactOf } from './catalog-calls.ts';
import type { EngineContext } from './context.ts';

/** What keeps the context in each mode where nobody chooses. */
const ownCacheType = { fast: 'f16', exact: 'f32' } as const;

/** The calls that run models to learn something about them, and keep what they learned. */
export function measureCalls(
  context: EngineContext,
): Pick<Handlers<EngineApi>, 'evaluate' | 'compare'> {
  const { catalog, openRunner } = context;
  return {
    evaluate: async (params, { signal, emit }) => {
      const artifact = artifactOf(context, params.id);
      const reference =
        params.referenceId === undefined || params.referenceId === params.id
          ? null
          : artifactOf(context, params.referenceId);
      const measured = await evaluateArtifact({
        artifact,
        reference,
        text: params.text,
        mode: params.mode,
        cacheType: params.cacheType,
        windowTokens: params.windowTokens,
        maxTokens: params.maxTokens,
        openRunner,
        signal,
        onProgress: emit,
      });
      return catalog.records.addEvaluation({
        artifactId: artifact.id,
        referenceId: reference?.id ?? null,
        textName: params.textName,
        textSha256: createHash('sha256').update(params.text).digest('hex'),
        mode: params.mode,
        cacheType:
          params.cacheType === ownCacheType[params.mode] ? null : (params.cacheType ?? null),
        createdAt: new Date().toISOString(),
        ...measured,
      });
    },

    compare: async (params, { signal, emit }) => {
      const comparison = await compareArtifacts({
        artifacts: params.ids.map((id) => artifactOf(context, id)),
        prompt: params.prompt,
        system: params.system ?? null,
        sampling: params.sampling,
        maxTokens: params.maxTokens,
        mode: params.mode,
        cacheType: params.cacheType,
        arrangement: params.arrangement,
        openRunner,
        signal,
        onProgress: (progress) => {
          emit({ kind: 'progress', progress });
        },
        onTokens: (artifactId, tokens) => {
          emit({ kind: 'tokens', artifactId, tokens });
        },
      });
      return catalog.comparisons.add(comparison);
    },
  };
}
