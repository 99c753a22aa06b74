import type { get as english } from '../en/get.ts';
import type { Texts } from '../texts.ts';

export const get: Texts<typeof english> = {
  title: 'Modell holen',
};
