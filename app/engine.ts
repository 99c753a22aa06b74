import { exportLogits, type OpenRunner } from './compare/index.ts';
import { openCatalog } from './catalog/index.ts';
import type { EngineApi } from './contract/engine-api.ts';
import type { Handlers } from './contract/rpc.ts';
import type { OnDiskFull } from './disk/index.ts';
import { catalogCalls } from './engine/catalog-calls.ts';
import { comparisonCalls } from './engine/comparisons.ts';
import type { EngineContext } from './engine/context.ts';
import { doctor } from './engine/doctor.ts';
import { defaultHome, openHome } from './engine/home.ts';
import { inspect } from './engine/inspect.ts';
import { measureCalls } from './engine/measure.ts';
import { pull } from './engine/pull.ts';
import { quantize } from './engine/quantize.ts';
import { startSampleHub } from './engine/sample-hub.ts';
import { Hub } from './hub/index.ts';
import { heldOutText, sampleModel, samplePrompts } from './sample/index.ts';

export { defaultHome, exportLogits, heldOutText, sampleModel, samplePrompts, startSampleHub };
export type { OpenRunner };

export interface EngineOptions {
  /** Folder for models and catalog; made where it is missing. */
  readonly home: string;
  /** @default HF_ENDPOINT, or the public hub */
  readonly hubEndpoint?: string;
  /** @default HF_TOKEN */
  readonly hubToken?: string;
  /** How this host starts a runner process. */
  readonly openRunner: OpenRunner;
  /** @default 'pause' */
  readonly onDiskFull?: OnDiskFull;
}

/** A running engine. */
export interface Engine {
  readonly handlers: Handlers<EngineApi>;
  close(): Promise<void>;
}

/**
 * Puts the engine together: it owns the home folder and the catalog in it.
 *
 * @throws AppError 'permission-denied', 'catalog-corrupt', 'disk-full', 'invalid-input'
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const home = await openHome(options.home);
  const hub = new Hub({
    ...(options.hubEndpoint === undefined ? {} : { endpoint: options.hubEndpoint }),
    ...(options.hubToken === undefined ? {} : { token: options.hubToken }),
  });
  const catalog = openCatalog(home.catalogFile);
  const context: EngineContext = {
    home,
    catalog,
    hub,
    openRunner: options.openRunner,
    onDiskFull: options.onDiskFull ?? 'pause',
  };
  return {
    handlers: {
      ...catalogCalls(context),
      ...measureCalls(context),
      ...comparisonCalls(context),
      doctor: () => doctor(context),
      search: ({ query, limit }, { signal }) => hub.search(query, { limit, signal }),
      inspect: (params, call) => inspect(context, params, call),
      pull: ({ source }, call) => pull(context, source, call),
      quantize: (params, call) => quantize(context, params, call),
    },
    close: () => {
      catalog.close();
      return Promise.resolve();
    },
  };
}
