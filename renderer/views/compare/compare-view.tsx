import type { ReactNode } from 'react';
import { CompareDesk } from './compare-desk.tsx';
import { SavedComparison } from './saved/saved-comparison.tsx';
import './compare.css';
import './scoring/ramp.css';

/** Versions of a model side by side: `null` to set up and run a comparison, else a saved one. */
export function CompareView({ comparisonId }: { readonly comparisonId: number | null }): ReactNode {
  return comparisonId === null || !Number.isInteger(comparisonId) ? (
    <CompareDesk />
  ) : (
    <SavedComparison key={comparisonId} comparisonId={comparisonId} />
  );
}
