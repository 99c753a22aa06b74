export { openCatalog, type Catalog } from './catalog.ts';
export type { StoredFile } from './rows.ts';
export type { Conversation } from './records.ts';
export { slugFor } from './slug.ts';
