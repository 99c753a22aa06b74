import type { compare as english } from '../en/compare.ts';
import type { Texts } from '../texts.ts';

export const compare: Texts<typeof english> = {
  title: 'Vergleich',
};
