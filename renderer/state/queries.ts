import {
  QueryClient,
  useMutation,
  useQuery,
  type UseMutationResult,
  type UseQueryResult,
} from '@tanstack/react-query';
import type { Library } from '../../app/contract/library.ts';
import type { Doctor } from '../../app/contract/inspection.ts';
import type { HostAbout } from '../../app/contract/host-api.ts';
import { toAppError, type AppError } from '../../app/contract/error.ts';
import type { Schemes } from '../../app/contract/scheme.ts';
import { defaultSettings, type Settings } from '../../app/contract/settings.ts';
import { engine, host } from '../bridge.ts';

/** What was asked stays fresh until something invalidates it: the engine tells of changes, nothing is polled. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: Number.POSITIVE_INFINITY, retry: false, refetchOnWindowFocus: false },
  },
});

/** Names of cached answers, in one place, so that what changes them can invalidate them. */
export const queryKeys = {
  library: ['library'],
  settings: ['settings'],
  schemes: ['schemes'],
  doctor: ['doctor'],
  about: ['about'],
  conversations: ['conversations'],
  conversation: (id: number) => ['conversation', id],
  comparisons: ['comparisons'],
  comparison: (id: number) => ['comparison', id],
  winRates: ['winRates'],
  show: (id: string) => ['show', id],
} as const;

export function useLibrary(): UseQueryResult<Library> {
  return useQuery({ queryKey: queryKeys.library, queryFn: () => engine.library({}) });
}

const noSchemes: Schemes = new Map();

/** What the engine knows of schemes; none until it has come. */
export function useSchemes(): Schemes {
  const { data } = useQuery({
    queryKey: queryKeys.schemes,
    queryFn: async () => new Map((await engine.schemes({})).map((scheme) => [scheme.name, scheme])),
  });
  return data ?? noSchemes;
}

/** What this computer can do. */
export function useDoctor(): UseQueryResult<Doctor> {
  return useQuery({ queryKey: queryKeys.doctor, queryFn: () => engine.doctor({}) });
}

/** What this host can do. */
export function useAbout(): UseQueryResult<HostAbout> {
  return useQuery({ queryKey: queryKeys.about, queryFn: () => host.about({}) });
}

/** The settings; the defaults until they have come. */
export function useSettings(): Settings {
  const { data } = useQuery({
    queryKey: queryKeys.settings,
    queryFn: () => engine.settings({}),
  });
  return data ?? defaultSettings;
}

/** Changes settings at once on the screen, then in the engine; a refusal puts them back. */
export function useUpdateSettings(): UseMutationResult<Settings, AppError, Partial<Settings>> {
  return useMutation<Settings, AppError, Partial<Settings>, { before: Settings | undefined }>({
    mutationFn: async (change) => {
      try {
        return await engine.updateSettings(change);
      } catch (error) {
        throw toAppError(error);
      }
    },
    onMutate: (change) => {
      const before = queryClient.getQueryData<Settings>(queryKeys.settings);
      queryClient.setQueryData<Settings>(queryKeys.settings, {
        ...(before ?? defaultSettings),
        ...change,
      });
      return { before };
    },
    onError: (_error, _change, context) => {
      queryClient.setQueryData(queryKeys.settings, context?.before);
    },
    onSuccess: (settings) => {
      queryClient.setQueryData(queryKeys.settings, settings);
    },
  });
}
