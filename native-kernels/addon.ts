import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Loads the built addon. Only the files of this folder may call it; everyone else imports `index.ts`.
 *
 * `NIBBLE_ADDON` names another build of it, to compare or debug two builds in one checkout.
 */
export function loadAddon(): unknown {
  const built = fileURLToPath(new URL('./build/nibble.node', import.meta.url));
  const file = process.env['NIBBLE_ADDON'] ?? built;
  try {
    return createRequire(import.meta.url)(file);
  } catch (cause) {
    throw new Error(`The native kernels could not be loaded from ${file}; run: npm run setup`, {
      cause,
    });
  }
}
