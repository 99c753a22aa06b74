// Builds native-kernels with CMake into native-kernels/build. Incremental: a second run takes a moment.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

const INSTALL_HINT = {
  linux: 'on Debian or Ubuntu: sudo apt-get install build-essential cmake',
  darwin: 'xcode-select --install, and brew install cmake',
  win32: 'Visual Studio Build Tools with "Desktop development with C++" (it brings CMake)',
};

/** sha256 over the names and contents of everything that CMake would compile. */
function sourceDigest(folder) {
  const hash = createHash('sha256');
  const walk = (directory) => {
    for (const name of readdirSync(directory).sort()) {
      if (directory === folder && name.startsWith('build')) continue;
      const file = path.join(directory, name);
      if (statSync(file).isDirectory()) walk(file);
      else if (/\.(cpp|h|def|inc|cu|txt|cmake)$/.test(name))
        hash.update(name).update(readFileSync(file));
    }
  };
  walk(folder);
  return hash.digest('hex');
}

/**
 * Configures and builds the addon.
 *
 * @param {string} root folder of the checkout
 * @param {{ everyCard?: boolean }} options `everyCard` compiles machine code for every NVIDIA card that is known, which
 * takes minutes, where there is a CUDA compiler; otherwise it is made for the cards of this machine
 * @returns {string | null} null when the addon is up to date, otherwise what is wrong and what to do
 */
export function buildNative(root, { everyCard = false } = {}) {
  const folder = path.join(root, 'native-kernels');
  const build = path.join(folder, 'build');
  const stamp = path.join(build, '.source-sha256');
  const digest = sourceDigest(folder);
  const complete = `${digest} for every card`;
  if (existsSync(stamp) && existsSync(path.join(build, 'nibble.node'))) {
    const built = readFileSync(stamp, 'utf8');
    if (built === complete || (built === digest && !everyCard)) return null;
  }

  const hint = INSTALL_HINT[process.platform] ?? 'a C++20 compiler and CMake 3.20 or newer';
  if (spawnSync('cmake', ['--version'], { stdio: 'ignore' }).status !== 0)
    return `CMake was not found. Install a C++20 compiler and CMake, ${hint}; then run the same command again`;
  console.error('setup: building the native kernels');
  mkdirSync(build, { recursive: true });
  const cmake = (args) => spawnSync('cmake', args, { stdio: ['ignore', 2, 2] }).status === 0;
  const include = (name, inner) => path.join(root, 'node_modules', name, inner);
  const configured = cmake([
    '-S',
    folder,
    '-B',
    build,
    '-DCMAKE_BUILD_TYPE=Release',
    `-DNODE_API_HEADERS=${include('node-api-headers', 'include')}`,
    `-DNODE_ADDON_API=${include('node-addon-api', '')}`,
    `-DNIBBLE_CUDA_ARCHITECTURES=${everyCard ? 'all' : 'native'}`,
  ]);
  if (!configured)
    return `CMake could not configure the native kernels: its message is above. If it found no C++ compiler, install one, ${hint}; then run the same command again`;
  // Without a number make starts a compiler for every file at once, which exhausts a small machine.
  const compilers = String(availableParallelism());
  if (!cmake(['--build', build, '--config', 'Release', '--parallel', compilers]))
    return 'the native kernels did not compile: the compiler’s message is above. A compiler with C++20 is needed (GCC 11, Clang 14, MSVC 2022 or newer)';
  writeFileSync(stamp, everyCard ? complete : digest);
  return null;
}
