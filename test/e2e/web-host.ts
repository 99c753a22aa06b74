// `nibble serve` as a person starts it, in a process of its own, with a hub on this computer.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { LocalHub } from '../../app/local-hub/index.ts';
import { startFaultyHub } from '../fixtures/hub/faulty-hub.ts';
import { sampleModel } from '../../app/sample/index.ts';
import { WAIT_MS } from '../fixtures/wait.ts';

const entry = fileURLToPath(new URL('../../main/cli/cli.ts', import.meta.url));
const stopItself = new URL('../fixtures/processes/stop-itself.mjs', import.meta.url).href;
const servedSchema = z.object({ url: z.string(), port: z.number(), token: z.string() });

export interface WebHostProcess {
  readonly url: string;
  readonly child: ChildProcess;
  close(): Promise<void>;
}

/** A hub with the sample model, and with more repositories where they are given. */
export function sampleHub(
  options: Partial<Parameters<typeof startFaultyHub>[0]> = {},
): Promise<LocalHub> {
  return startFaultyHub({
    ...options,
    repositories: {
      [sampleModel.repository]: { directory: sampleModel.directory },
      ...options.repositories,
    },
  });
}

/** Starts the web host on a home folder; `hubEndpoint` is the only network it knows. */
export async function startWebHost(options: {
  readonly home: string;
  readonly hubEndpoint: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Which of its processes stops itself, and when; see `fixtures/processes/stop-itself.mjs`. */
  readonly stop?: { readonly role: string; readonly moment: string; readonly after?: string };
}): Promise<WebHostProcess> {
  const child = spawn(
    process.execPath,
    [
      ...(options.stop === undefined
        ? []
        : ['--import', `${stopItself}?${new URLSearchParams(options.stop).toString()}`]),
      entry,
      '--json',
      '--home',
      options.home,
      'serve',
      '--port',
      '0',
    ],
    {
      env: {
        ...process.env,
        HF_TOKEN: '',
        HF_ENDPOINT: options.hubEndpoint,
        ...options.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      reject(new Error(`nibble serve said nothing within ${WAIT_MS} ms: ${said}`));
    }, WAIT_MS);
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      try {
        const served = servedSchema.parse(JSON.parse(text));
        clearTimeout(timer);
        resolve(served.url);
      } catch {
        // The document is not whole yet.
      }
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`nibble serve ended with ${code ?? 'a signal'}: ${said}`));
    });
  });
  return {
    url,
    child,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
