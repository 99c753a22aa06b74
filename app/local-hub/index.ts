export type { LocalRepository } from './repositories.ts';
export type { LocalHub, LocalHubOptions, ServedHost } from './start-local-hub.ts';
export { startLocalHub } from './start-local-hub.ts';
