/** What a request without access gets to see: how to get in, and nothing of what is inside. */

const advice: Readonly<Record<number, string>> = {
  401: 'Nibble answers only whoever started it. Open the address that nibble serve printed in its terminal: it holds the key. If you have just done so, reload this page.',
  403: 'Nibble answers only pages of its own, at the address that nibble serve printed.',
  429: 'Too many requests. Wait a minute, then open the address that nibble serve printed in its terminal.',
  503: 'Too many connections. Close some windows of Nibble, then reload this page.',
};

const apiAdvice: Readonly<Record<number, string>> = {
  401: 'Send the token that nibble serve printed as a bearer token: Authorization: Bearer TOKEN.',
  403: 'The API is not there for pages of other origins or under other host names.',
  429: 'Too many requests without a valid token. Wait a minute.',
};

export interface RefusalBody {
  readonly type: string;
  readonly body: string;
}

/** A short page that loads nothing, or, for the API, an error in the shape that its clients know. */
export function refusalBody(status: number, forApi: boolean): RefusalBody {
  if (forApi) {
    const message = apiAdvice[status] ?? 'Nibble does not answer this.';
    const type = status === 429 ? 'rate_limit_error' : 'authentication_error';
    const code = status === 401 ? 'invalid_api_key' : null;
    return {
      type: 'application/json; charset=utf-8',
      body: JSON.stringify({ error: { message, type, param: null, code } }),
    };
  }
  const text = advice[status] ?? 'Nibble does not answer this.';
  return {
    type: 'text/html; charset=utf-8',
    body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>Nibble</title><h1>Nibble</h1><p>${text}</p></html>\n`,
  };
}
