import type { Artifact } from '../../app/contract/checkpoint.ts';
import type { JobRequest } from '../../app/contract/job.ts';
import type { Library } from '../../app/contract/library.ts';
import { engine } from '../bridge.ts';
import { toast } from '../design/toasts.tsx';
import { errorText } from '../errors/error-words.ts';
import { referenceFor } from './model-work.ts';
import type { Schemes } from '../../app/contract/scheme.ts';

async function start(request: JobRequest): Promise<void> {
  try {
    await engine.startJob({ request });
  } catch (error) {
    toast({ text: errorText(error), look: 'danger' });
  }
}

/** Queues a check of every file; the jobs' store tells what became of it. */
export function startVerify(id: string): void {
  void start({ kind: 'verify', id });
}

/** Queues a measurement on the held-out text, against the 16-bit artifact where there is one. */
export function startMeasure(
  library: Library | undefined,
  artifact: Artifact,
  schemes: Schemes,
): void {
  const reference = referenceFor(library, artifact, schemes);
  void start({
    kind: 'evaluate',
    id: artifact.id,
    text: null,
    textName: 'held-out text',
    mode: 'fast',
    ...(reference === null ? {} : { referenceId: reference.id }),
  });
}
