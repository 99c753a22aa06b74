import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import type {
  Comparison,
  ComparisonSummary,
  WinRate,
} from '../../../../app/contract/comparison.ts';
import { engine } from '../../../bridge.ts';
import { queryClient, queryKeys } from '../../../state/queries.ts';

/** Saved comparisons, newest first. */
export function useComparisons(): UseQueryResult<ComparisonSummary[]> {
  return useQuery({ queryKey: queryKeys.comparisons, queryFn: () => engine.comparisons({}) });
}

export function useComparison(comparisonId: number): UseQueryResult<Comparison> {
  return useQuery({
    queryKey: queryKeys.comparison(comparisonId),
    queryFn: () => engine.comparison({ comparisonId }),
  });
}

export function useWinRates(): UseQueryResult<WinRate[]> {
  return useQuery({ queryKey: queryKeys.winRates, queryFn: () => engine.winRates({}) });
}

/** A text to read and questions to ask that come with Nibble. */
export function useSamples(): UseQueryResult<{ heldOutText: string; prompts: string[] }> {
  return useQuery({ queryKey: ['samples'], queryFn: () => engine.samples({}) });
}

/** Deletes a saved comparison and its votes. @throws AppError what the engine throws */
export async function removeComparison(comparisonId: number): Promise<void> {
  await engine.removeComparison({ comparisonId });
  queryClient.setQueryData<ComparisonSummary[]>(queryKeys.comparisons, (known) =>
    known?.filter(({ id }) => id !== comparisonId),
  );
  queryClient.removeQueries({ queryKey: queryKeys.comparison(comparisonId) });
  void queryClient.invalidateQueries({ queryKey: queryKeys.winRates });
}
