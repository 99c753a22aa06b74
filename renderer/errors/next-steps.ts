import { isErrorReason, type ErrorReason } from '../../app/contract/error-reasons.ts';
import type { ErrorCode } from '../../app/contract/error.ts';
import type { ToldError } from './error-words.ts';

/**
 * What leads a person on after an error with one press, wherever it is shown. `page`: the model's page on the hub;
 * `library`: free space there, `models`: find a model there; `remake`: choose anew what to get or make of the same source. To try the same again is the view's own affair.
 */
export type NextStep =
  'token' | 'page' | 'library' | 'models' | 'folders' | 'device' | 'settings' | 'remake' | 'report';

/** Most useful first. */
const ofCode: Readonly<Partial<Record<ErrorCode, readonly NextStep[]>>> = {
  'changed-on-hub': ['remake'],
  'checksum-mismatch': ['remake'],
  'disk-full': ['library', 'folders'],
  gated: ['page', 'token'],
  internal: ['report'],
  'invalid-weights': ['remake'],
  'kernel-failed': ['device'],
  'malformed-file': ['remake'],
  'permission-denied': ['folders'],
  'rate-limited': ['token'],
  'runtime-unavailable': ['device'],
  unauthorized: ['token'],
};

/** Where a reason needs other steps than its code. */
const ofReason: Readonly<Partial<Record<ErrorReason, readonly NextStep[]>>> = {
  'artifact-damaged': ['models'],
  'checkpoint-damaged': ['models'],
  'checkpoint-not-runnable': ['models'],
  'context-overflow': ['settings'],
  'context-too-long': ['settings'],
  'prompt-beyond-context': ['settings'],
  'weights-changed': ['remake'],
};

/** The repository that a source names, for a link to its page; null for folders, ids and the like. */
export function repositoryIn(source: string | null): string | null {
  return /^([\w.-]+\/[\w.-]+)(@.*)?$/.exec(source ?? '')?.[1] ?? null;
}

/** The next steps after an error, most useful first. @param source What was to be got or made, where that is known. */
export function nextSteps(
  { code, reason }: Pick<ToldError, 'code' | 'reason'>,
  source: string | null,
): readonly NextStep[] {
  const special = isErrorReason(reason) ? ofReason[reason] : undefined;
  return (special ?? ofCode[code] ?? []).filter(
    (step) =>
      (step !== 'remake' || source !== null) && (step !== 'page' || repositoryIn(source) !== null),
  );
}
