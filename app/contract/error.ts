import { z } from 'zod';
import { isErrorReason, type ErrorFacts, type ErrorReason, type FactsOf } from './error-reasons.ts';

/** Every way an operation of Nibble can fail. A new code must get words in each host before it compiles there. */
export const errorCodes = [
  'aborted',
  'busy',
  'catalog-corrupt',
  'changed-on-hub',
  'checksum-mismatch',
  'disk-full',
  'engine-restarted',
  'gated',
  'internal',
  'invalid-input',
  'invalid-weights',
  'kernel-failed',
  'malformed-file',
  'missing-tokenizer',
  'network',
  'not-found',
  'out-of-memory',
  'permission-denied',
  'rate-limited',
  'runner-crashed',
  'runtime-unavailable',
  'unauthorized',
  'unsupported-model',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

const factsSchema = z.record(z.string(), z.union([z.string(), z.number()]));

/** An error as it crosses a process boundary. */
export const wireErrorSchema = z.object({
  /** A code that only a newer Nibble knows, as its catalog may hold, is none that this one could act on. */
  code: z.enum(errorCodes).catch('internal'),
  message: z.string(),
  remedy: z.string().nullable(),
  /** A name of `errorReasons`, or one that only a newer Nibble knows. */
  reason: z.string().nullable().default(null),
  facts: factsSchema.default({}),
  stack: z.string().nullable(),
});

export type WireError = z.infer<typeof wireErrorSchema>;

/** What a person is told of an error. */
export const errorDescriptionSchema = wireErrorSchema.omit({ stack: true });

/**
 * The one error class of the product.
 *
 * `reason` and `facts` say what happened as data, and hosts word them. `message` says it in the engine's words and names
 * the thing; `remedy` says what the person can do, in the imperative. Both are for logs and for hosts without words.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string | null;
  readonly reason: string | null;
  readonly facts: ErrorFacts;

  constructor(
    code: ErrorCode,
    message: string,
    options: { remedy?: string; cause?: unknown; reason?: string | null; facts?: ErrorFacts } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.remedy = options.remedy ?? null;
    this.reason = options.reason ?? null;
    this.facts = options.facts ?? {};
  }
}

/** Options of an AppError that names its reason: `new AppError(code, message, because('unknown-architecture', {...}))`. */
export function because<R extends ErrorReason>(
  reason: R,
  facts: FactsOf<R>,
  options: { remedy?: string; cause?: unknown } = {},
): { reason: R; facts: ErrorFacts; remedy?: string; cause?: unknown } {
  return { ...options, reason, facts };
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && (errorCodes as readonly string[]).includes(value);
}

/** File-system error codes that mean something to a person. */
const systemErrors: Readonly<Record<string, { code: ErrorCode; remedy: string }>> = {
  ENOSPC: {
    code: 'disk-full',
    remedy: 'Free some space on that disk, then run the same command again.',
  },
  EDQUOT: {
    code: 'disk-full',
    remedy: 'Free some of your disk quota, then run the same command again.',
  },
  EACCES: {
    code: 'permission-denied',
    remedy: 'Check the permissions of that path, or choose another folder with --home.',
  },
  EPERM: {
    code: 'permission-denied',
    remedy: 'Check the permissions of that path, or choose another folder with --home.',
  },
  EROFS: {
    code: 'permission-denied',
    remedy: 'That disk is read-only; choose another folder with --home.',
  },
  ENOENT: { code: 'not-found', remedy: 'Check that the path exists.' },
};

/**
 * Turns anything thrown into an AppError: ours stays, abort and file-system errors are mapped, an error that carries
 * one of our codes (the native addon's do) keeps it with its remedy and reason, and everything else becomes `internal` with its cause.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (!(error instanceof Error)) return new AppError('internal', String(error));
  if (error.name === 'AbortError') return new AppError('aborted', 'Cancelled.', { cause: error });
  const code: unknown = 'code' in error ? error.code : undefined;
  if (isErrorCode(code)) {
    const remedy: unknown = 'remedy' in error ? error.remedy : undefined;
    const reason: unknown = 'reason' in error ? error.reason : undefined;
    const facts = factsSchema.safeParse('facts' in error ? error.facts : {});
    return new AppError(code, error.message, {
      cause: error,
      ...(typeof remedy === 'string' ? { remedy } : {}),
      ...(isErrorReason(reason) && facts.success ? { reason, facts: facts.data } : {}),
    });
  }
  const system = typeof code === 'string' ? systemErrors[code] : undefined;
  if (system !== undefined)
    return new AppError(system.code, error.message, { remedy: system.remedy, cause: error });
  return new AppError('internal', error.message, { cause: error });
}

/** What a person is told of an error: kept in the catalog and shown by hosts. It has no stack trace. */
export function describeError(error: unknown): Omit<WireError, 'stack'> {
  const { code, message, remedy, reason, facts } = toAppError(error);
  return { code, message, remedy, reason, facts };
}

/** Makes any thrown value fit to be sent to another process. */
export function toWire(error: unknown): WireError {
  const known = toAppError(error);
  return { ...describeError(known), stack: known.stack ?? null };
}

/** Rebuilds an error received from another process. */
export function fromWire(wire: WireError): AppError {
  const error = new AppError(wire.code, wire.message, {
    reason: wire.reason,
    facts: wire.facts,
    ...(wire.remedy === null ? {} : { remedy: wire.remedy }),
  });
  if (wire.stack !== null) error.stack = wire.stack;
  return error;
}

/** Marks a branch that the types say cannot be reached. */
export function assertNever(value: never): never {
  throw new AppError('internal', `Unexpected value ${String(value)}`);
}
