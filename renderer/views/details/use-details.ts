import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { z } from 'zod';
import type { engineApi } from '../../../app/contract/engine-api.ts';
import type { TensorView } from '../../../app/contract/tensor-view.ts';
import { engine } from '../../bridge.ts';
import { useJobs } from '../../state/jobs.ts';
import { NO_WORK, workPerModel, type ModelWork } from '../../state/model-work.ts';
import { queryClient, queryKeys, useLibrary } from '../../state/queries.ts';

export type Shown = z.infer<typeof engineApi.show.result>;
export type ShownArtifact = Extract<Shown, { kind: 'artifact' }>;
export type ShownCheckpoint = Extract<Shown, { kind: 'checkpoint' }>;

/** Bins of a histogram: one per two or three pixels on a usual screen. */
const BINS = 240;

/** Everything about an artifact or a checkpoint, read again when a job about it ends. */
export function useDetails(id: string): UseQueryResult<Shown> & { readonly work: ModelWork } {
  const query = useQuery({ queryKey: queryKeys.show(id), queryFn: () => engine.show({ id }) });
  const jobs = useJobs() ?? [];
  const { data: library } = useLibrary();
  const work = workPerModel(jobs, library).get(id) ?? NO_WORK;
  const measured = work.evaluate?.state === 'done' ? work.evaluate.id : null;
  const made = jobs.find(({ checkpointId }) => checkpointId === id)?.artifactIds.length ?? 0;
  useEffect(() => {
    if (measured !== null || made > 0)
      void queryClient.invalidateQueries({ queryKey: queryKeys.show(id) });
  }, [id, measured, made]);
  return { ...query, work };
}

/** One tensor up close. The engine reads it from the disk, so what was read is kept. */
export function useTensorView(id: string, tensor: string | null): UseQueryResult<TensorView> {
  return useQuery({
    queryKey: [...queryKeys.show(id), 'tensor', tensor],
    queryFn: ({ signal }) =>
      engine.tensorView({ id, tensor: tensor ?? '', bins: BINS }, { signal }),
    enabled: tensor !== null,
    staleTime: 'static',
  });
}
