import { connectionFailure, type ConnectionFailure } from '../contract/error-reasons.ts';
import { AppError, because } from '../contract/error.ts';
import { parseRetryAfter, TransientError } from './retry.ts';

/** Server errors that pass: overload, restarts, gateways. 501 and 505 do not. */
const TRANSIENT_STATUS = new Set([408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** The server's own words are shown, but not a page of them. */
const MAX_WORDS = 200;

/** What a request was for, to name it in an error. */
export interface RequestContext {
  readonly endpoint: string;
  /** `owner/name`; null for a search. */
  readonly repository: string | null;
  /** The file or the kind of information, e.g. `config.json` or `the list of files`. */
  readonly what: string;
  readonly hasToken: boolean;
}

function subject(context: RequestContext): string {
  return context.repository === null ? context.what : `${context.repository} (${context.what})`;
}

/** Headers are a stranger's text: no control characters, not too long. */
function words(header: string | null): string {
  // eslint-disable-next-line no-control-regex -- control characters are exactly what must go
  const clean = (header ?? '').replace(/[\u0000-\u001f\u007f]/g, ' ').trim();
  // They end a sentence of ours, which has its own full stop.
  const said = clean.slice(0, MAX_WORDS).replace(/[\s.,:;!?…]+$/, '');
  return said === '' ? '' : `: ${said}`;
}

function gatedError(context: RequestContext, said: string): AppError {
  const page = `${context.endpoint}/${context.repository ?? ''}`;
  return new AppError('gated', `${subject(context)} asks for the acceptance of its terms${said}.`, {
    remedy: context.hasToken
      ? `Open ${page}, accept the terms with the account of your token (some owners answer by hand), then try again.`
      : `Open ${page}, accept the terms, create a read token in your account’s settings, give it to Nibble (HF_TOKEN), then try again.`,
  });
}

function unauthorizedError(context: RequestContext, status: number, said: string): AppError {
  if (context.hasToken)
    return new AppError(
      'unauthorized',
      `${context.endpoint} refuses the token for ${subject(context)} (${status})${said}.`,
      { remedy: 'Check HF_TOKEN: it may be wrong, expired or without access to this repository.' },
    );
  // Without a token the Hub does not tell a private repository from one that does not exist.
  return new AppError(
    status === 401 && context.repository !== null ? 'not-found' : 'unauthorized',
    `${subject(context)} does not exist on ${context.endpoint}, or is private${said}.`,
    { remedy: 'Check the spelling. For a private repository set HF_TOKEN to a read token.' },
  );
}

function notFoundError(context: RequestContext, code: string | null): AppError {
  if (code === 'RevisionNotFound')
    return new AppError('not-found', `${subject(context)} has no such revision.`, {
      remedy: 'Check the part after the @: a branch, a tag or a commit.',
    });
  if (code === 'EntryNotFound')
    return new AppError('not-found', `${subject(context)} does not exist in this revision.`, {
      remedy: 'The repository may have changed; try again.',
    });
  return new AppError('not-found', `${subject(context)} does not exist on ${context.endpoint}.`, {
    remedy: 'Check the spelling, or search for it.',
  });
}

/**
 * Turns an answer that is not a success into an error: the one place that reads status codes and the Hub's X-Error-…
 * headers. `fromHub` is false for hosts that the hub redirected to: their 401 and 403 mean that a signed address has
 * expired, which a new attempt through the hub cures.
 */
export function responseError(
  response: Response,
  context: RequestContext,
  fromHub: boolean,
): AppError {
  const { status, headers } = response;
  const code = headers.get('x-error-code');
  const said = words(headers.get('x-error-message'));
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'));
  if (status === 429)
    return new TransientError(
      'rate-limited',
      `${context.endpoint} asks to slow down (429) for ${subject(context)}${said}.`,
      {
        remedy: context.hasToken
          ? 'Wait some minutes, then try again: it goes on from here.'
          : 'Wait some minutes and try again, or give a token (HF_TOKEN): signed-in requests have a higher limit.',
        retryAfterMs,
      },
    );
  if (TRANSIENT_STATUS.has(status))
    return new TransientError(
      'network',
      `${context.endpoint} has trouble (${status}) with ${subject(context)}${said}.`,
      { remedy: 'Try again later: what was downloaded is kept.', retryAfterMs },
    );
  if (!fromHub && (status === 401 || status === 403))
    return new TransientError('network', `The download address of ${subject(context)} expired.`, {
      remedy: 'Try again: what was downloaded is kept.',
    });
  if (code === 'GatedRepo') return gatedError(context, said);
  if (status === 401 || status === 403) return unauthorizedError(context, status, said);
  if (status === 404 || status === 410) return notFoundError(context, code);
  return new AppError(
    'network',
    `${context.endpoint} answers ${status} for ${subject(context)}${said}.`,
    { remedy: 'Check HF_ENDPOINT, or try again later.' },
  );
}

/** How a connection failed, for logs: hosts word it themselves. */
const connectionWords: Readonly<Record<ConnectionFailure, string>> = {
  'certificate-expired': 'its certificate has expired',
  'certificate-not-trusted': 'its certificate is not trusted',
  'certificate-of-another': 'its certificate is for another name',
  cut: 'the connection was cut',
  'name-unknown': 'its name cannot be resolved',
  'no-answer': 'it does not answer',
  'no-name-service': 'names cannot be resolved now',
  'no-network': 'this computer is offline',
  'no-route': 'there is no way to it',
  refused: 'nothing listens there',
  'stopped-sending': 'it stopped sending',
  'wrong-length': 'it sends more or less than it said',
};

/** Nobody can be reached: there is no network, or the address is wrong, or a server restarts. */
export class UnreachableError extends TransientError {}

/** What is known at once and does not change within seconds. Names and routes fail when there is no network. */
const NOBODY_THERE = new Set([
  'ECONNREFUSED',
  'EAI_AGAIN',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Nobody cures these by trying again. */
const FINAL_CONNECTION = /CERT|SIGNATURE/;

function connectionCode(error: unknown, depth = 0): string | null {
  // fetch wraps the socket's error in its own, and a connection tried on several addresses wraps once more.
  if (!(error instanceof Error) || depth > 4) return null;
  if ('code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(error.code))
    return error.code;
  const inner: unknown =
    error instanceof AggregateError ? (error.errors as unknown[])[0] : error.cause;
  return connectionCode(inner, depth + 1);
}

/** Whether what answered speaks no HTTP, or more of it than anyone has to say: another attempt changes nothing. */
function isNoHttp(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 4) return false;
  // The end of a connection in the middle of an answer is a cut.
  if (error.name === 'HTTPParserError') return !error.message.includes('EOF');
  return (
    ('code' in error && error.code === 'UND_ERR_HEADERS_OVERFLOW') ||
    isNoHttp(error.cause, depth + 1)
  );
}

/** Turns what fetch or a body's stream threw into an error that names the host and says what happened. */
export function connectionError(error: unknown, host: string, context: RequestContext): AppError {
  if (error instanceof AppError) return error;
  if (isNoHttp(error)) return nonsenseError(context, 'it speaks no HTTP', error);
  const code = connectionCode(error);
  const failure = code === null ? null : connectionFailure(code);
  const why = failure === null ? code : connectionWords[failure];
  const message =
    why === null
      ? `The connection to ${host} failed for ${subject(context)}.`
      : `Cannot reach ${host} for ${subject(context)}: ${why}.`;
  const remedy =
    'Check the network connection and the address of the hub. Downloads go on where they stopped; what is on this computer needs no network.';
  const reason = because('hub-unreachable', { host, cause: code ?? '' }, { remedy, cause: error });
  if (code !== null && FINAL_CONNECTION.test(code)) return new AppError('network', message, reason);
  if (code !== null && NOBODY_THERE.has(code))
    return new UnreachableError('network', message, reason);
  return new TransientError('network', message, reason);
}

/** An operation as a whole took longer than it may: endless pages, or bytes that trickle. */
export function tooSlowError(context: RequestContext, seconds: number): AppError {
  const { host } = new URL(context.endpoint);
  return new AppError(
    'network',
    `${host} did not answer completely for ${subject(context)} within ${seconds} s.`,
    because(
      'hub-too-slow',
      { host, seconds },
      { remedy: 'Check the network connection, then try again.' },
    ),
  );
}

/** The endpoint answered something that no hub would. */
export function nonsenseError(context: RequestContext, how: string, cause?: unknown): AppError {
  return new AppError(
    'network',
    `${context.endpoint} does not answer like a model hub for ${subject(context)}: ${how}.`,
    {
      remedy:
        'Check HF_ENDPOINT. A sign-in page of the network (hotel, company) can also be the cause.',
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
