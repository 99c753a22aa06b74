import { useState } from 'react';
import { z } from 'zod';
import { noFilter, sortKeys, type LibraryFilter } from './library-rows.ts';

const KEY = 'nibble.library.order';

/** What is remembered: the order. A search that hides rows days later would puzzle. */
const rememberedSchema = z.object({ sort: z.enum(sortKeys), descending: z.boolean() });

function remembered(): LibraryFilter {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    const parsed = rememberedSchema.safeParse(kept);
    return parsed.success ? { ...noFilter, ...parsed.data } : noFilter;
  } catch {
    return noFilter;
  }
}

/** Filter and order of the library; the order is remembered. */
export function useLibraryFilter(): readonly [
  LibraryFilter,
  (change: Partial<LibraryFilter>) => void,
] {
  const [filter, setFilter] = useState(remembered);
  return [
    filter,
    (change) => {
      const next = { ...filter, ...change };
      setFilter(next);
      localStorage.setItem(KEY, JSON.stringify({ sort: next.sort, descending: next.descending }));
    },
  ];
}
