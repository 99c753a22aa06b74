import type { chat as english } from '../en/chat.ts';
import type { Texts } from '../texts.ts';

export const chat: Texts<typeof english> = {
  title: 'Chat',
};
