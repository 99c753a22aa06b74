import { loadFamilies } from './registry.ts';

/** The door of app/models, with all families. */
export * from './on-demand.ts';

await loadFamilies();
