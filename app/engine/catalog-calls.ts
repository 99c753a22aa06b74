import type { Artifact } from '../contract/checkpoint.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import { AppError, because } from '../contract/error.ts';
import type { VerifiedFile } from '../contract/job.ts';
import type { Handlers } from '../contract/rpc.ts';
import { ProgressMeter } from '../progress/index.ts';
import type { EngineContext } from './context.ts';
import { checkFile, damageIn } from './damage.ts';
import { requireReachable } from './register/folders.ts';
import { uncatalogued } from './jobs/unfinished.ts';
import { unreadableEntries } from './register/unreadable.ts';

/** The error for an id that is in no table, with the ids that look like it. */
export function unknownId(context: EngineContext, id: string): AppError {
  const known = [...context.catalog.models.artifacts(), ...context.catalog.models.checkpoints()]
    .map((entry) => entry.id)
    .filter((other) => other.includes(id) || id.includes(other));
  const hint = known.length > 0 ? `Did you mean ${known.slice(0, 3).join(' or ')}?` : '';
  return new AppError('not-found', `There is nothing with the id ${id} in the catalog.`, {
    remedy: `${hint} See: nibble list`.trim(),
  });
}

/** The artifact with this id, or the only one with this name; a checkpoint's id gets told that it must be quantized first. */
export function artifactOf(context: EngineContext, id: string): Artifact {
  const artifact = context.catalog.models.artifact(id);
  if (artifact !== null) return artifact;
  // A name means what it says where it can mean one thing only.
  const [named, ...others] = context.catalog.models.artifacts().filter(({ name }) => name === id);
  if (named !== undefined && others.length === 0) return named;
  if (context.catalog.models.checkpoint(id) !== null) {
    const made = context.catalog.models.artifactsOf(id).map((other) => other.id);
    throw new AppError(
      'invalid-input',
      `${id} is a checkpoint as it was published; only what is made of it can run.`,
      because(
        'checkpoint-not-runnable',
        { id, artifacts: made.join(', ') },
        {
          remedy:
            made.length === 0
              ? 'Nothing has been made of it yet: quantize it first.'
              : `Made of it: ${made.join(', ')}.`,
        },
      ),
    );
  }
  throw unknownId(context, id);
}

type CatalogCalls = Pick<
  Handlers<EngineApi>,
  'list' | 'show' | 'verify' | 'locate' | 'saveConversation'
>;

/** The calls that read and tidy the catalog. */
export function catalogCalls(context: EngineContext): CatalogCalls {
  const { models, records, conversations } = context.catalog;
  return {
    list: async () => {
      const { unfinished, newer } = await uncatalogued(context);
      return {
        checkpoints: models.checkpoints(),
        artifacts: models.artifacts(),
        unfinished,
        unreadable: [...unreadableEntries(context), ...newer],
        damaged: Object.fromEntries(
          [...models.damagedFiles()].map(([id, files]) => [id, [...files]]),
        ),
      };
    },

    show: ({ id }) => {
      const checkpoint = models.checkpoint(id);
      if (checkpoint !== null)
        return Promise.resolve({
          kind: 'checkpoint',
          checkpoint,
          artifacts: models.artifactsOf(id),
        });
      const artifact = models.artifact(id);
      if (artifact === null) return Promise.reject(unknownId(context, id));
      return Promise.resolve({
        kind: 'artifact',
        artifact,
        checkpoint: models.checkpoint(artifact.checkpointId),
        tensors: models.tensors(id),
        evaluations: records.evaluations(id),
      });
    },

    verify: async ({ id }, { signal, emit }) => {
      const artifact = models.artifact(id);
      const entry = artifact ?? models.checkpoint(id);
      if (entry === null) throw unknownId(context, id);
      await requireReachable(entry);
      const kind = artifact === null ? 'checkpoint' : 'artifact';
      const recorded = models.files(kind, id);
      const meter = new ProgressMeter({
        step: id,
        phase: 'verify',
        subject: entry.name,
        artifact: artifact?.id ?? null,
        format: artifact?.scheme ?? null,
        unit: 'bytes',
        total: recorded.reduce((sum, file) => sum + file.sizeBytes, 0),
        onProgress: emit,
      });
      const files: VerifiedFile[] = [];
      for (const file of recorded)
        files.push(
          await checkFile(entry.directory, file, {
            signal,
            onBytes: (bytes) => {
              meter.advance(bytes, file.name);
            },
          }),
        );
      meter.finish();
      const damage = damageIn(files, 'verify');
      await context.reserve.use(() => {
        models.replaceDamage(kind, id, damage);
      });
      return { ok: damage.length === 0, files };
    },

    locate: async ({ id }) => {
      const artifact = artifactOf(context, id);
      await requireReachable(artifact);
      return artifact;
    },

    saveConversation: ({ conversationId, artifactId, title, messages, sampling }) =>
      Promise.resolve({
        conversationId: conversations.saveLinear({
          id: conversationId,
          artifactId,
          title,
          messages,
          sampling,
          now: new Date().toISOString(),
        }),
      }),
  };
}
