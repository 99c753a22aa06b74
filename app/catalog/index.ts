export { openCatalog, type Catalog } from './catalog.ts';
export type { StoredFile } from './rows.ts';
export type { AnswerState, ConversationChanges, NewMessage } from './conversations.ts';
export { slugFor } from './slug.ts';
export type { KnownFolder } from './folders.ts';
export type { JobPlace } from './jobs.ts';
export type { EntryKind, Removal } from './models.ts';
