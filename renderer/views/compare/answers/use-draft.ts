import { useEffect, useState } from 'react';
import type { LibraryArtifact } from '../../../../app/contract/library.ts';
import { parseDraft, type Draft } from '../logic/draft.ts';
import { suggestPair } from '../logic/suggestion.ts';
import { useSchemes } from '../../../state/queries.ts';

const KEY = 'nibble.compare.draft';

function readKept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/**
 * The set-up bar's content, kept between visits. Artifacts that are no longer there are left out; where fewer than two
 * remain, a pair is suggested.
 *
 * @param wanted Artifacts that the address names; they go before what was kept.
 */
export function useDraft(
  artifacts: readonly LibraryArtifact[],
  wanted: readonly string[],
): { readonly draft: Draft; readonly change: (change: Partial<Draft>) => void } {
  const [draft, setDraft] = useState(() => {
    const kept = parseDraft(readKept());
    return wanted.length === 0 ? kept : { ...kept, ids: [...wanted] };
  });
  // Another link was followed while the view was open.
  const address = wanted.join('\n');
  const [followed, setFollowed] = useState(address);
  if (followed !== address) {
    setFollowed(address);
    if (wanted.length > 0) setDraft({ ...draft, ids: [...wanted] });
  }
  useEffect(() => {
    try {
      localStorage.setItem(KEY, JSON.stringify(draft));
    } catch {
      // A browser that keeps nothing: the draft lasts as long as the page.
    }
  }, [draft]);
  const present = draft.ids.filter((id) =>
    artifacts.some(({ artifact, available }) => available && artifact.id === id),
  );
  const suggested = suggestPair(artifacts, useSchemes());
  const ids =
    present.length >= 2
      ? present
      : present.length === 1
        ? [...present, ...suggested.filter((id) => !present.includes(id))].slice(0, 2)
        : suggested;
  return {
    draft: { ...draft, ids },
    change: (change) => {
      setDraft({ ...draft, ids, ...change });
    },
  };
}
