import type { library as english } from '../en/library.ts';
import type { Texts } from '../texts.ts';

export const library: Texts<typeof english> = {
  title: 'Bibliothek',
};
