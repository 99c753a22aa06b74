import { keepPreviousData, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Inspection, ModelSummary } from '../../../app/contract/inspection.ts';
import type { Job } from '../../../app/contract/job.ts';
import { engine } from '../../bridge.ts';
import { useJobs } from '../../state/jobs.ts';
import { createStore, useStore } from '../../state/store.ts';
import { jobFor } from './job-for.ts';

/** Rest before a search, in ms: shorter than a pause between words, longer than one between letters. */
const DEBOUNCE_MS = 250;
/** Download counts and new models are not news within five minutes. */
const SEARCH_FRESH_MS = 5 * 60_000;

/** A value once it has stopped changing. */
function useRested<T>(value: T): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => {
      setRested(value);
    }, DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [value]);
  return rested;
}

/** Models of the hub by name. What was found before stays until the new answer is there. */
export function useSearch(text: string): UseQueryResult<readonly ModelSummary[]> & {
  readonly isWaiting: boolean;
} {
  const query = useRested(text);
  const result = useQuery({
    queryKey: ['search', query],
    queryFn: ({ signal }) => engine.search({ query, limit: 20 }, { signal }),
    enabled: query !== '',
    staleTime: SEARCH_FRESH_MS,
    placeholderData: keepPreviousData,
  });
  return { ...result, isWaiting: query !== text || result.isFetching };
}

/** What a model is, and how large every scheme would make it. */
export function useInspection(source: string): UseQueryResult<Inspection> {
  return useQuery({
    queryKey: ['inspect', source],
    queryFn: ({ signal }) => engine.inspect({ source }, { signal }),
  });
}

/** Which hub a source is asked for; it depends on the settings, as what the hub says does. */
export function useSourceHub(source: string | null): {
  readonly host: string | null;
  readonly otherHub: string | null;
} {
  const { data } = useQuery({
    queryKey: ['inspect', 'hub', source],
    queryFn: () => engine.sourceHub({ source: source ?? '' }),
    enabled: source !== null,
  });
  const endpoint = data?.endpoint ?? null;
  return {
    host: endpoint === null ? null : new URL(endpoint).host,
    otherHub: data?.otherHub ?? null,
  };
}

/** Jobs that this window has seen at work, by their source: their results are shown when they end. */
const followed = createStore<ReadonlyMap<string, number>>(new Map());

/** Shows this job when its source is opened. */
export function followJob(source: string, jobId: number): void {
  if (followed.read().get(source) !== jobId)
    followed.write(new Map(followed.read()).set(source, jobId));
}

/** Shows what else can be made of a source again. */
export function unfollowJob(source: string): void {
  const next = new Map(followed.read());
  next.delete(source);
  followed.write(next);
}

/** The job that makes something of this source now, or has just done so. */
export function useMakeJob(source: string): Job | null {
  const jobs = useJobs();
  const followedId = useStore(followed).get(source) ?? null;
  const job = jobFor(jobs ?? [], source, followedId);
  const id = job?.id;
  useEffect(() => {
    if (id !== undefined) followJob(source, id);
  }, [source, id]);
  return job;
}
