import { fileURLToPath } from 'node:url';

/**
 * The same file outside the archive of a packed app. Electron packs what it finds into one and leaves libraries and
 * programs beside it: only there can the system open them.
 */
export function outsideArchive(path: string): string {
  return path.replace(/\bapp\.asar(?=[\\/])/, 'app.asar.unpacked');
}

/** Where a program of this build lies: beside the addon. */
export function builtProgram(name: string): string {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  return outsideArchive(fileURLToPath(new URL(`./build/${file}`, import.meta.url)));
}
