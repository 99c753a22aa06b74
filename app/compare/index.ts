/** The door of app/compare. */
export type { OpenedRunner, OpenRunner, OpenRunnerOptions } from './open-runner.ts';
