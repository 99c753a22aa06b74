import { toAppError, type ErrorCode } from '../../../app/contract/error.ts';

/** An error in the shape that clients of OpenAI's API know. */
export interface ApiError {
  readonly status: number;
  readonly body: {
    readonly error: {
      readonly message: string;
      readonly type: string;
      readonly param: string | null;
      readonly code: string | null;
    };
  };
}

/** Makes an error that is the caller's. */
export function requestError(
  status: number,
  message: string,
  param: string | null = null,
  code: string | null = null,
): ApiError {
  return { status, body: { error: { message, type: 'invalid_request_error', param, code } } };
}

/** HTTP status of the errors that are not simply ours (500). */
const statuses: Partial<Record<ErrorCode, number>> = {
  'invalid-input': 400,
  'missing-tokenizer': 400,
  'unsupported-model': 400,
  'not-found': 404,
  busy: 503,
  'engine-restarted': 503,
  'runner-crashed': 503,
  'out-of-memory': 503,
};

/** An error of the engine, with what the person can do about it. */
export function engineError(thrown: unknown): ApiError {
  const { code, message, remedy } = toAppError(thrown);
  const status = statuses[code] ?? 500;
  const text = remedy === null ? message : `${message} ${remedy}`;
  if (status === 404) return requestError(404, text, 'model', 'model_not_found');
  if (status === 400) return requestError(400, text, null, code);
  return { status, body: { error: { message: text, type: 'server_error', param: null, code } } };
}
