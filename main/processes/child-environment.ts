import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The process with which a child ends, whatever the child is doing. */
const PARENT = 'NIBBLE_PARENT';

/** Inside the installation, because what lies there is run: a shared temporary folder would be open to others. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));

/**
 * glibc keeps seven freed pieces of each size at hand for a thread. ONNX Runtime makes and frees thousands of them while
 * it reads a graph, which takes a fifth less time with room for more. Other C libraries do not know the variable.
 */
const ALLOCATOR = 'glibc.malloc.tcache_count=2000';

/** Files, names and hashing need threads of libuv's pool while quantizing keeps as many busy as there are cores. */
const THREADS_FOR_FILES = 4;

/** libuv has no more. */
const MOST_POOL_THREADS = 1024;

/** As many threads as libuv's pool needs where quantizing works. Told to a process before it uses the pool. */
export function poolThreads(): number {
  return Math.min(os.availableParallelism() + THREADS_FOR_FILES, MOST_POOL_THREADS);
}

/** What every child may see of its parent's environment: where things are, which language, how devices are set up. */
const FOR_ALL =
  /^(?:PATH|PATHEXT|HOME|HOMEDRIVE|HOMEPATH|USERPROFILE|USER|USERNAME|LOGNAME|TMP|TEMP|TMPDIR|TZ|LANG|LANGUAGE|LC_[A-Z]+|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES(?:\(X86\))?|NUMBER_OF_PROCESSORS|PROCESSOR_[A-Z]+|XDG_[A-Z_]+|DISPLAY|WAYLAND_DISPLAY|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|CUDA_[A-Z_]+|NVIDIA_[A-Z_]+|VK_[A-Z_]+|MESA_[A-Z_]+|DRI_PRIME|OMP_[A-Z_]+|GLIBC_TUNABLES|NODE_COMPILE_CACHE|NODE_DISABLE_COMPILE_CACHE|UV_THREADPOOL_SIZE|NIBBLE_HOME)$/;

/** What the engine also sees: it speaks with the hub, and moves files to the trash. */
const FOR_ENGINE =
  /^(?:HF_ENDPOINT|HF_TOKEN|HTTP_PROXY|HTTPS_PROXY|NO_PROXY|ALL_PROXY|NODE_USE_ENV_PROXY|NODE_USE_SYSTEM_CA|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|DBUS_SESSION_BUS_ADDRESS)$/;

/** What chooses which code is run: for debugging a checkout, never in what is packed. */
const FOR_CHECKOUT =
  /^(?:NIBBLE_ADDON|NIBBLE_CUDA_DRIVER|LD_PRELOAD|DYLD_INSERT_LIBRARIES|(?:A|L|T|UB)SAN_OPTIONS|NODE_V8_COVERAGE)$/;

/** An engine whose parent is gone ends in an orderly way within this time; one that cannot is found as interrupted. */
export const ENGINE_GRACE_MS = 5_000;

export type ChildKind = 'engine' | 'runner';

/**
 * The environment of a child: of the parent's only what it needs, since the parent's holds tokens and passwords of other
 * programs, and a runner reads strangers' files.
 *
 * @param entry the file that is run: TypeScript in a checkout, JavaScript in what is packed
 */
export function childEnvironment(
  kind: ChildKind,
  entry: string,
  parent: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const isCheckout = path.extname(entry) === '.ts';
  const environment: Record<string, string> = {
    // Node keeps there what it compiled: a child is up in half the time. Where it cannot be written, Node goes without.
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    GLIBC_TUNABLES: ALLOCATOR,
    UV_THREADPOOL_SIZE: `${poolThreads()}`,
  };
  for (const [name, value] of Object.entries(parent)) {
    // Names have no case on Windows, nor have those of proxies anywhere.
    const upper = name.toUpperCase();
    const isWanted =
      FOR_ALL.test(upper) ||
      (kind === 'engine' && FOR_ENGINE.test(upper)) ||
      (isCheckout && FOR_CHECKOUT.test(upper));
    if (isWanted && value !== undefined) environment[name] = value;
  }
  environment[PARENT] = `${process.pid}`;
  return environment;
}

/** The process that started this one as its child; null in a process that was started by hand. */
export function parentProcess(): number | null {
  const parent = Number(process.env[PARENT]);
  return Number.isInteger(parent) && parent > 1 ? parent : null;
}
