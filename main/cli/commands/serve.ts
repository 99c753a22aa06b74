import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { defaultHome } from '../../../app/engine.ts';
import { rendererDirectory } from '../../page/renderer-files.ts';
import { openEngine } from '../../processes/open-engine.ts';
import { openBrowser } from '../../web/open-browser.ts';
import { serveKey } from '../../web/serve-key.ts';
import { startWebHost } from '../../web/start-web-host.ts';
import { exitCodes, type BareSession } from '../session.ts';

interface ServeOptions {
  readonly home?: string;
  readonly port?: number;
  readonly open: boolean;
  readonly newKey: boolean;
}

const packageSchema = z.object({ version: z.string() });

/** The app in a browser, on this computer only, until Ctrl-C. */
export async function serveCommand(
  { output, signal }: BareSession,
  options: ServeOptions,
): Promise<number> {
  const directory = rendererDirectory();
  const { version } = packageSchema.parse(
    JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')),
  );
  const home = options.home ?? defaultHome();
  const engine = await openEngine({ home });
  try {
    const host = await startWebHost({
      engine,
      rendererDirectory: directory,
      version,
      port: options.port,
      token: await serveKey(home, { renew: options.newKey }),
    });
    try {
      const { url, port, token } = host;
      output.document({ url, port, token });
      output.line(`Nibble is at ${url}`);
      output.line(
        output.style('dim', `OpenAI-compatible API: http://127.0.0.1:${port}/v1, key ${token}`),
      );
      output.line(
        output.style(
          'dim',
          'The address holds the key, which stays the same: do not share it; --new-key makes another. Ctrl-C ends this.',
        ),
      );
      if (options.open && !(await openBrowser(host.oneTimeUrl())))
        output.note('No browser could be started: open the address above yourself.');
      if (!signal.aborted) await once(signal, 'abort');
      output.note('Closing. Jobs that run can be resumed later.');
      return exitCodes.done;
    } finally {
      await host.close();
    }
  } finally {
    await engine.close();
  }
}
