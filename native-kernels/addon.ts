import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Loads the built addon. Only the files of this folder may call it; everyone else imports `index.ts`.
 *
 * In a checkout `NIBBLE_ADDON` names another build of it, to compare or debug two builds.
 */
export function loadAddon(): unknown {
  const built = fileURLToPath(new URL('./build/nibble.node', import.meta.url));
  // What is packed is JavaScript: there no variable of somebody's environment chooses which code is run.
  const isCheckout = import.meta.url.endsWith('.ts');
  const file = (isCheckout ? process.env['NIBBLE_ADDON'] : undefined) ?? built;
  try {
    return createRequire(import.meta.url)(file);
  } catch (cause) {
    throw new Error(`The native kernels could not be loaded from ${file}; run: npm run setup`, {
      cause,
    });
  }
}
