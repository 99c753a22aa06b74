import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Loads the built addon. Only the files of this folder may call it; everyone else imports `index.ts`. */
export function loadAddon(): unknown {
  const file = fileURLToPath(new URL('./build/nibble.node', import.meta.url));
  try {
    return createRequire(import.meta.url)(file);
  } catch (cause) {
    throw new Error(`The native kernels could not be loaded from ${file}; run: npm run setup`, {
      cause,
    });
  }
}
