import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Artifact, Checkpoint } from '../../contract/checkpoint.ts';
import type { EngineApi } from '../../contract/engine-api.ts';
import { assertNever } from '../../contract/error.ts';
import type { Job, JobRequest } from '../../contract/job.ts';
import type { Handlers } from '../../contract/rpc.ts';
import type { JobCall } from '../../jobs/index.ts';
import { heldOutText, sampleModel } from '../../sample/index.ts';
import { artifactOf, unknownId } from '../catalog-calls.ts';
import type { EngineContext } from '../context.ts';
import { isFolder } from '../register/folders.ts';
import { checkpointFor, makeArtifact, requireMakeable } from './quantize.ts';
import { resolveSource } from '../sources.ts';
import { keepsWeights } from '../../formats/index.ts';

type MakeRequest = Extract<JobRequest, { kind: 'make' }>;

/** What jobs are made of: calls that there are anyway. */
export type JobCalls = Pick<Handlers<EngineApi>, 'evaluate' | 'verify'>;

/** What evaluations of the text that comes with Nibble are called. */
const HELD_OUT_NAME = 'held-out text';

/** Enough text for the differences to stand out of the noise, little enough to wait for on two cores. */
const MEASURED_TOKENS = 4096;

/** `owner/name` is too long for most places; the name alone tells models apart. */
function shortName(name: string): string {
  return name.split('/').at(-1) ?? name;
}

/**
 * Finds out whether a request can be begun, before it waits in a queue for an hour, and what a person calls it.
 *
 * @returns the request in a form that means the same in another process: relative folders are made absolute
 * @throws AppError 'not-found', 'invalid-input'
 */
export async function admit(
  context: EngineContext,
  request: JobRequest,
): Promise<{ request: JobRequest; subject: string }> {
  switch (request.kind) {
    case 'make': {
      await requireMakeable(request);
      const source = await resolveSource(context, request.source);
      if (source.kind === 'checkpoint')
        return { request, subject: shortName(source.checkpoint.name) };
      if (source.kind === 'repository') return { request, subject: shortName(source.name) };
      if (source.kind === 'sample') return { request, subject: shortName(sampleModel.repository) };
      const { directory } = source;
      return { request: { ...request, source: directory }, subject: path.basename(directory) };
    }
    case 'evaluate':
      if (request.referenceId !== undefined) artifactOf(context, request.referenceId);
      return { request, subject: artifactOf(context, request.id).name };
    case 'verify': {
      const { models } = context.catalog;
      const entry = models.artifact(request.id) ?? models.checkpoint(request.id);
      if (entry === null) throw unknownId(context, request.id);
      return { request, subject: shortName(entry.name) };
    }
    default:
      return assertNever(request);
  }
}

/** The 16-bit artifact of a checkpoint, which the others are measured against. */
async function referenceOf(
  context: EngineContext,
  checkpoint: Checkpoint,
): Promise<Artifact | null> {
  for (const artifact of context.catalog.models.artifactsOf(checkpoint.id))
    if (keepsWeights(artifact.scheme) && (await isFolder(artifact.directory))) return artifact;
  return null;
}

async function measure(
  context: EngineContext,
  calls: JobCalls,
  checkpoint: Checkpoint,
  artifacts: readonly Artifact[],
  { signal, emit }: JobCall,
): Promise<void> {
  const text = await heldOutText();
  const textSha256 = createHash('sha256').update(text).digest('hex');
  const reference = await referenceOf(context, checkpoint);
  for (const artifact of artifacts) {
    const referenceId = reference?.id === artifact.id ? null : (reference?.id ?? null);
    // Measured by an earlier run of this job, or before it: the same again would give the same.
    const isMeasured = context.catalog.records.evaluations(artifact.id).some(
      (evaluation) =>
        evaluation.textSha256 === textSha256 &&
        evaluation.mode === 'fast' &&
        evaluation.cacheType === null &&
        // A try on a few tokens is no measurement.
        evaluation.tokens > MEASURED_TOKENS / 2 &&
        evaluation.referenceId === referenceId,
    );
    if (isMeasured) continue;
    await calls.evaluate(
      {
        id: artifact.id,
        ...(referenceId === null ? {} : { referenceId }),
        text,
        textName: HELD_OUT_NAME,
        mode: 'fast',
        maxTokens: MEASURED_TOKENS,
      },
      {
        signal,
        emit: (progress) => {
          // Making it was a step of the same name, which must stay on the list.
          emit({
            ...progress,
            step: `${progress.step}/evaluate`,
          });
        },
      },
    );
  }
}

async function make(
  context: EngineContext,
  calls: JobCalls,
  job: Job,
  request: MakeRequest,
  call: JobCall,
): Promise<void> {
  const checkpoint = await checkpointFor(context, request.source, call, request.name);
  call.note({ checkpointId: checkpoint.id });
  const artifacts: Artifact[] = [];
  for (const scheme of new Set(request.schemes)) {
    artifacts.push(await makeArtifact(context, checkpoint, scheme, request, call));
    const ids = artifacts.map(({ id }) => id);
    // What an earlier run has made stays on the list while this one goes over it again.
    call.note({ artifactIds: [...ids, ...job.artifactIds.filter((id) => !ids.includes(id))] });
  }
  call.note({ artifactIds: artifacts.map(({ id }) => id) });
  if (request.measure) await measure(context, calls, checkpoint, artifacts, call);
}

/**
 * Does what a job asks for. Called again after it was stopped, it goes on after the last finished byte, tensor, artifact
 * or evaluation.
 *
 * @throws AppError as the calls behind it do
 */
export async function doJob(
  context: EngineContext,
  calls: JobCalls,
  job: Job,
  call: JobCall,
): Promise<void> {
  const { request } = job;
  switch (request.kind) {
    case 'make':
      await make(context, calls, job, request, call);
      return;
    case 'evaluate': {
      const { id, referenceId, text, textName, mode, maxTokens } = request;
      await calls.evaluate(
        {
          id,
          text: text ?? (await heldOutText()),
          textName,
          mode,
          ...(referenceId === undefined ? {} : { referenceId }),
          ...(maxTokens === undefined ? {} : { maxTokens }),
        },
        call,
      );
      return;
    }
    case 'verify':
      call.note({ files: (await calls.verify({ id: request.id }, call)).files });
      return;
    default:
      assertNever(request);
  }
}
