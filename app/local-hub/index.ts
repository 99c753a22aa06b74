export type { Fault, Intercept, LocalRequest } from './fault.ts';
export type { LocalRepository } from './repositories.ts';
export type { LocalHub, LocalHubOptions } from './start-local-hub.ts';
export { startLocalHub } from './start-local-hub.ts';
