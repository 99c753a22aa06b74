import { createHash } from 'node:crypto';

/** What a request without access gets to see: how to get in, and nothing of what is inside. */

const advice: Readonly<Record<number, string>> = {
  401: 'This link has expired. Open the new link printed in the terminal by nibble serve. If you have just done so, reload this page.',
  403: 'Nibble answers only its own pages, at the address that nibble serve printed.',
  429: 'Too many requests. Wait a minute, then open the link printed in the terminal by nibble serve.',
  503: 'Too many connections. Close some windows of Nibble, then reload this page.',
};

const apiAdvice: Readonly<Record<number, string>> = {
  401: 'Send the key that nibble serve printed as a bearer token: Authorization: Bearer KEY.',
  403: 'The API is not there for pages of other origins or under other host names.',
  429: 'Too many requests without a valid token. Wait a minute.',
};

const style = `:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}
main{max-width:32rem;padding:2rem}
h1{font-size:1.25rem;margin:0 0 .5rem}
p{margin:0}`;

/** The page loads nothing and has one style, which the policy names by its hash. */
export const refusalPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

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
    body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Nibble</title><style>${style}</style><main><h1>Nibble</h1><p>${text}</p></main></html>\n`,
  };
}
