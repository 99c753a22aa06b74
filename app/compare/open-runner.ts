export type { OpenedRunner, OpenRunner, OpenRunnerOptions } from '../contract/open-runner.ts';
