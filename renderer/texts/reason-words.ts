import type { ErrorReason } from '../../app/contract/error-reasons.ts';

/** What happened, and what the person can do; `next` is empty where there is nothing to be done. */
export interface Words {
  readonly what: string;
  readonly next: string;
}

/** Words for reasons. A reason without words is told in the words of its error code and of the engine. */
export type ReasonWords = Readonly<Partial<Record<ErrorReason, Words>>>;
