import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { cacheControl, isPagePath } from '../../page/renderer-files.ts';
import { securityHeaders } from '../../page/security-headers.ts';
import { isOwnPage } from './page-address.ts';

/** Everything that a built renderer consists of; what is not listed is not served. */
const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};

/**
 * The file that an address of the page names, or null: one that lies in `directory`, is of a known type and is not
 * hidden. Addresses of pages rather than files give index.html.
 */
export function resolveRendererFile(directory: string, url: string): string | null {
  if (!isOwnPage(url)) return null;
  let pathname: string;
  try {
    pathname = decodeURIComponent(new URL(url).pathname);
  } catch {
    return null;
  }
  // Windows reads backslashes, drive letters and streams where URLs have none.
  if (/[\\:\0]/.test(pathname)) return null;
  const file = path.resolve(directory, `.${isPagePath(pathname) ? '/index.html' : pathname}`);
  const inside = path.relative(directory, file);
  if (inside === '' || inside.startsWith('..') || path.isAbsolute(inside)) return null;
  if (inside.split(path.sep).some((part) => part.startsWith('.'))) return null;
  return contentTypes[path.extname(file)] === undefined ? null : file;
}

/** Answers a request of the page with a file of the built renderer and the policy that holds for it. */
export async function rendererResponse(
  directory: string,
  request: { readonly method: string; readonly url: string },
): Promise<Response> {
  const refuse = (status: number): Response =>
    new Response('There is nothing here.\n', {
      status,
      headers: { ...securityHeaders, 'content-type': 'text/plain; charset=utf-8' },
    });
  if (request.method !== 'GET') return refuse(405);
  const file = resolveRendererFile(directory, request.url);
  if (file === null) return refuse(404);
  try {
    return new Response(await readFile(file), {
      headers: {
        ...securityHeaders,
        'content-type': contentTypes[path.extname(file)] ?? '',
        'cache-control': cacheControl(file),
      },
    });
  } catch {
    return refuse(404);
  }
}
