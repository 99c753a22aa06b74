import type { details as english } from '../en/details.ts';
import type { Texts } from '../texts.ts';

export const details: Texts<typeof english> = {
  title: 'Modell',
};
