import { useEffect, useState } from 'react';

/**
 * False for a message that comes into view while the person scrolls, until they stop: its buttons and tips cost more to
 * make than its text, and nobody can reach them meanwhile. Once true it stays true.
 */
export function useDrawnFully(isScrolling: boolean): boolean {
  const [isFull, setFull] = useState(!isScrolling);
  useEffect(() => {
    if (!isScrolling) setFull(true);
  }, [isScrolling]);
  return isFull;
}
