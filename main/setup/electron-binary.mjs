import { existsSync } from 'node:fs';
import path from 'node:path';

/** Where Electron's binary lies within a distribution. */
const names = {
  darwin: path.join('Electron.app', 'Contents', 'MacOS', 'Electron'),
  win32: 'electron.exe',
};

/**
 * Electron's binary: from ELECTRON_OVERRIDE_DIST_PATH (Electron's own variable), or from the installed package, whose
 * install script (which set-up does not run) would have put it there.
 *
 * @param {string} root folder of the checkout
 * @returns {string | null} null where there is none
 */
export function electronBinary(root) {
  const folders = [
    process.env.ELECTRON_OVERRIDE_DIST_PATH,
    path.join(root, 'node_modules', 'electron', 'dist'),
  ];
  for (const folder of folders) {
    if (folder === undefined || folder === '') continue;
    const binary = path.join(folder, names[process.platform] ?? 'electron');
    if (existsSync(binary)) return binary;
  }
  return null;
}
