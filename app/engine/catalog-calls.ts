import path from 'node:path';
import type { StoredFile } from '../catalog/index.ts';
import type { Artifact } from '../contract/checkpoint.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import { AppError, because } from '../contract/error.ts';
import type { Handlers } from '../contract/rpc.ts';
import { hashFile, type HashOptions } from '../digest/index.ts';
import { fileState, isSameState } from '../disk/index.ts';
import { ProgressMeter } from '../progress/index.ts';
import type { EngineContext } from './context.ts';
import { requireReachable } from './register/folders.ts';
import { filesBelow } from './home/home.ts';
import { unfinishedJobs } from './jobs/unfinished.ts';
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

/** The hash of a file as it was recorded; null for one that is damaged too badly to have that kind of hash. */
async function hashOf(
  file: string,
  { hashKind = 'sha256' }: StoredFile,
  options: HashOptions,
): Promise<string | null> {
  try {
    return await hashFile(file, hashKind, options);
  } catch (error) {
    if (error instanceof AppError && error.code === 'malformed-file') return null;
    throw error;
  }
}

/** Whether a file that nobody hashed is, as far as its state tells, the one that was listed. */
async function isAsWhenListed(file: string, { state = null }: StoredFile): Promise<boolean> {
  const now = await fileState(file);
  return state === null || (now !== null && isSameState(now, state));
}

type CatalogCalls = Pick<
  Handlers<EngineApi>,
  'list' | 'show' | 'verify' | 'locate' | 'saveConversation'
>;

/** The calls that read and tidy the catalog. */
export function catalogCalls(context: EngineContext): CatalogCalls {
  const { models, records, conversations } = context.catalog;
  return {
    list: async () => ({
      checkpoints: models.checkpoints(),
      artifacts: models.artifacts(),
      unfinished: await unfinishedJobs(context),
      unreadable: unreadableEntries(context),
    }),

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
      const recorded = models.files(artifact === null ? 'checkpoint' : 'artifact', id);
      const present = new Map(
        (await filesBelow(entry.directory)).map((file) => [file.name, file.sizeBytes]),
      );
      const meter = new ProgressMeter({
        step: id,
        phase: 'verify',
        subject: entry.name,
        artifact: artifact?.id ?? null,
        format: artifact?.scheme ?? null,
        unit: 'bytes',
        total: recorded.reduce((sum, file) => sum + (present.get(file.name) ?? 0), 0),
        onProgress: emit,
      });
      const files = [];
      for (const file of recorded) {
        const sizeBytes = present.get(file.name);
        let state: 'ok' | 'changed' | 'missing' | 'unverifiable' = 'missing';
        if (sizeBytes !== undefined) {
          const sha256 = await hashOf(path.join(entry.directory, file.name), file, {
            signal,
            onBytes: (bytes) => {
              meter.advance(bytes, file.name);
            },
          });
          if (sizeBytes !== file.sizeBytes) state = 'changed';
          else if (file.sha256 === null)
            state = (await isAsWhenListed(path.join(entry.directory, file.name), file))
              ? 'unverifiable'
              : 'changed';
          else state = sha256 === file.sha256 ? 'ok' : 'changed';
        }
        files.push({ name: file.name, sizeBytes: sizeBytes ?? 0, state });
      }
      meter.finish();
      return {
        ok: files.every((file) => file.state === 'ok' || file.state === 'unverifiable'),
        files,
      };
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
