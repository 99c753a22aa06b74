import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../app/contract/error.ts';

/** The folder that holds main/ and app/: a checkout's root, or what was made of it for the packaged app. */
const HERE = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Where the built renderer lies. In a checkout that is dist/renderer; the packaged tree is dist/app, beside it.
 *
 * @throws AppError 'not-found' when it was not built
 */
export function rendererDirectory(): string {
  const places = [path.join(HERE, 'dist', 'renderer'), path.join(HERE, '..', 'renderer')];
  const found = places.find((place) => existsSync(path.join(place, 'index.html')));
  if (found === undefined)
    throw new AppError('not-found', `The renderer is not built: ${places[0] ?? ''} has no page.`, {
      remedy: 'Run `npm run build`, then try again.',
    });
  return found;
}

/** Vite puts a hash of the content into the names of what lies in assets/: such a file never changes. */
export function cacheControl(file: string): string {
  return /[\\/]assets[\\/][^\\/]+-[\w-]{8,}\.\w+(?:\.br|\.gz)?$/.test(file)
    ? 'public, max-age=31536000, immutable'
    : 'no-cache';
}

const FILE_EXTENSIONS = /\.(?:css|gz|br|html|ico|js|json|map|png|svg|txt|webmanifest|woff2?)$/;

/**
 * A path of the page (`/chat/3`, `/library/qwen2.5-nf4`) rather than of a file (`/icon.svg`): the renderer routes it
 * itself.
 */
export function isPagePath(urlPath: string): boolean {
  return (
    !FILE_EXTENSIONS.test(urlPath) &&
    !/\/\./.test(urlPath) &&
    !/^\/(?:assets|rpc|v1)(?:\/|$)/.test(urlPath)
  );
}
