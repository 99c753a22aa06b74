import { expect, it } from 'vitest';
import { quantile } from '../../../app/run/plan/quantile.ts';

// The values are scipy 1.17's `norm.ppf`.
it.each([
  [0.5, 0],
  [0.95, 1.6448536269514722],
  [0.9, 1.2815515655446004],
  [0.3, -0.5244005127080409],
  [0.9999, 3.719016485455709],
  [1e-9, -5.997807015007686],
])('knows what %d of the normal distribution lies below', (share, expected) => {
  expect(Math.abs(quantile(share) - expected)).toBeLessThan(1e-7);
});
