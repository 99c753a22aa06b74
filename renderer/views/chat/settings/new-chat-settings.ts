import type { Sampling } from '../../../../app/contract/sampling.ts';
import { createStore, type Store } from '../../../state/store.ts';

/** What was chosen for a chat that has not begun. Null: the engine's own choice. */
export interface NewChatSettings {
  readonly artifactId: string | null;
  readonly system: string;
  readonly sampling: Sampling | null;
  readonly maxTokens: number | null;
}

export const freshSettings: NewChatSettings = {
  artifactId: null,
  system: '',
  sampling: null,
  maxTokens: null,
};

export const newChatSettings: Store<NewChatSettings> = createStore(freshSettings);

const LAST_ARTIFACT = 'nibble.chat.artifact';

/** The artifact that was chatted with last, for the next new chat. */
export function lastArtifact(): string | null {
  return localStorage.getItem(LAST_ARTIFACT);
}

export function rememberArtifact(id: string): void {
  localStorage.setItem(LAST_ARTIFACT, id);
}
