import { toAppError, type AppError, type ErrorCode } from '../../../app/contract/error.ts';

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

/** Errors whose words may hold paths or the inside of a library: a program gets the code, the log has the rest. */
const wordless: ReadonlySet<ErrorCode> = new Set(['internal', 'catalog-corrupt']);

/** What the API calls some errors, and how it words them, by their reason. */
function known({ reason, facts }: AppError): ApiError | null {
  if (reason === 'context-overflow')
    return requestError(
      400,
      `The messages have ${facts['promptTokens'] ?? 'too many'} tokens, and the context of this model holds ${facts['contextTokens'] ?? 'fewer'}, of which at least one is needed for the answer. Send fewer or shorter messages.`,
      'messages',
      'context_length_exceeded',
    );
  if (reason === 'prompt-beyond-context')
    return requestError(
      400,
      `The messages have more tokens than the context of this model holds (${facts['contextTokens'] ?? 'fewer'}). Send fewer or shorter messages.`,
      'messages',
      'context_length_exceeded',
    );
  if (reason === 'checkpoint-not-runnable') {
    const id = facts['id'] ?? 'This';
    const made = facts['artifacts'] ?? '';
    return requestError(
      404,
      made === ''
        ? `${id} is a checkpoint as it was published, and nothing has been made of it yet. Quantize it first.`
        : `${id} is a checkpoint as it was published, which does not run itself. What was made of it does: ${made}.`,
      'model',
      'model_not_found',
    );
  }
  return null;
}

/** An error of the engine, with what the person can do about it. */
export function engineError(thrown: unknown): ApiError {
  const error = toAppError(thrown);
  const worded = known(error);
  if (worded !== null) return worded;
  const { code, message, remedy } = error;
  const status = statuses[code] ?? 500;
  const text = remedy === null ? message : `${message} ${remedy}`;
  if (status === 404)
    return requestError(
      404,
      'There is no model with this id that can answer. GET /v1/models lists those that can.',
      'model',
      'model_not_found',
    );
  if (status === 400) return requestError(400, text, null, code);
  return {
    status,
    body: {
      error: {
        message: wordless.has(code) ? 'Nibble failed at this. Its log says more.' : text,
        type: 'server_error',
        param: null,
        code,
      },
    },
  };
}
