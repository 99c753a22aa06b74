import { keepPreviousData, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { ConversationSummary } from '../../../../app/contract/conversation.ts';
import { engine } from '../../../bridge.ts';
import { queryKeys } from '../../../state/queries.ts';

/** A pause in typing after which the search begins, in ms: shorter than a person notices. */
const PAUSE_MS = 120;

export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(value);
    }, ms);
    return () => {
      clearTimeout(timer);
    };
  }, [value, ms]);
  return settled;
}

/** All conversations, last changed first, or those in which `query` is found. */
export function useConversationList(query: string): UseQueryResult<ConversationSummary[]> {
  const settled = useSettled(query.trim(), PAUSE_MS).slice(0, 200);
  return useQuery({
    queryKey: settled === '' ? queryKeys.conversations : [...queryKeys.conversations, settled],
    queryFn: () => engine.conversations({ query: settled }),
    placeholderData: keepPreviousData,
  });
}
