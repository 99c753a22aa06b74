import type { ErrorReason } from '../../app/contract/error-reasons.ts';

/** What happened, and what the person can do; `next` is empty where there is nothing to be done. */
export interface Words {
  readonly what: string;
  readonly next: string;
}

/** Words for every reason: one that lacks them does not compile. Words may be there before their reason is. */
export type ReasonWords = Readonly<Record<ErrorReason, Words> & Record<string, Words>>;
