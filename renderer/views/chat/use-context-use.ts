import { useQuery } from '@tanstack/react-query';
import { engine } from '../../bridge.ts';
import { useHeldModels } from '../../state/loaded-models.ts';
import { useSettled } from './conversations/use-conversation-list.ts';

/** Counting takes the model's tokenizer a moment; not at every letter. In ms. */
const PAUSE_MS = 400;
/** Longest text that the engine counts. */
const MOST_LETTERS = 1_000_000;

export interface ContextUse {
  /** Null while it is not known. */
  readonly use: { readonly tokens: number; readonly contextLength: number } | null;
  readonly isHeld: boolean;
}

/** Tokens that the shown branch and the draft would take; null while the model is not loaded. */
export function useContextUse({
  conversationId,
  artifactId,
  leafId,
  isLeafWhole,
  system,
  draft,
}: {
  readonly conversationId: number | null;
  readonly artifactId: string | null;
  readonly leafId: number | null;
  /** False while the message at the end of the branch is being written: it is counted again once it is whole. */
  readonly isLeafWhole: boolean;
  readonly system: string;
  readonly draft: string;
}): ContextUse {
  const settled = useSettled(draft, PAUSE_MS);
  const held = useHeldModels().find((model) => model.artifactId === artifactId);
  const isReady = held?.state === 'ready';
  const { data } = useQuery({
    queryKey: ['context-use', conversationId, artifactId, leafId, isLeafWhole, system, settled],
    queryFn: () =>
      conversationId === null
        ? null
        : engine.contextUse({ conversationId, draft: settled.slice(0, MOST_LETTERS) }),
    enabled: isReady && conversationId !== null,
    // Each text is counted once and then gone.
    gcTime: 0,
    placeholderData: (before, query) =>
      query?.queryKey[1] === conversationId && query.queryKey[2] === artifactId
        ? before
        : undefined,
  });
  return { use: conversationId === null ? null : (data ?? null), isHeld: held !== undefined };
}
