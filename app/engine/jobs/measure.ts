import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { compareArtifacts, evaluateArtifact } from '../../compare/index.ts';
import type { Handlers } from '../../contract/rpc.ts';
import type { EngineApi } from '../../contract/engine-api.ts';
import { artifactOf } from '../catalog-calls.ts';
import type { EngineContext } from '../context.ts';
import { requireReachable } from '../register/folders.ts';
import { requireSameVocabulary } from '../same-vocabulary.ts';
import { whileDiskFull } from './while-disk-full.ts';

/** What keeps the context in each mode where nobody chooses. */
const ownCacheType = { fast: 'f16', exact: 'f32' } as const;

/** Where the journals of measurements lie that are under way. */
export function measurementFolder(home: string): string {
  return path.join(home, 'measurements');
}

/** The journal of one measurement: the same question finds it again. */
function measurementFile({ home }: EngineContext, artifactId: string, question: unknown): string {
  const digest = createHash('sha256').update(JSON.stringify(question)).digest('hex');
  return path.join(measurementFolder(home.directory), `${artifactId}.${digest.slice(0, 16)}.jsonl`);
}

/** The calls that run models to learn something about them, and keep what they learned. */
export function measureCalls(
  context: EngineContext,
): Pick<Handlers<EngineApi>, 'evaluate' | 'compare'> {
  const { catalog, openRunner } = context;
  return {
    evaluate: (params, call) =>
      whileDiskFull(context, call, async ({ signal, emit }) => {
        const artifact = artifactOf(context, params.id);
        const reference =
          params.referenceId === undefined || params.referenceId === params.id
            ? null
            : artifactOf(context, params.referenceId);
        const textSha256 = createHash('sha256').update(params.text).digest('hex');
        const journalFile = measurementFile(context, artifact.id, [params, textSha256]);
        for (const model of [artifact, reference])
          if (model !== null) await requireReachable(model);
        if (reference !== null) await requireSameVocabulary([reference, artifact]);
        const measured = await evaluateArtifact({
          journalFile,
          spillDirectory: context.home.directory,
          onDiskFull: context.onDiskFull,
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
        const evaluation = catalog.records.addEvaluation({
          artifactId: artifact.id,
          referenceId: reference?.id ?? null,
          textName: params.textName,
          textSha256,
          mode: params.mode,
          cacheType:
            params.cacheType === ownCacheType[params.mode] ? null : (params.cacheType ?? null),
          createdAt: new Date().toISOString(),
          ...measured,
        });
        await rm(journalFile, { force: true });
        return evaluation;
      }),

    compare: async (params, { signal, emit }) => {
      const artifacts = params.ids.map((id) => artifactOf(context, id));
      for (const artifact of artifacts) await requireReachable(artifact);
      await requireSameVocabulary(artifacts);
      const comparison = await compareArtifacts({
        artifacts,
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
