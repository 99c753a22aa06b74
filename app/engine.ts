import { exportLogits, type OpenRunner } from './compare/index.ts';
import { openCatalog, type Catalog } from './catalog/index.ts';
import type { EngineApi } from './contract/engine-api.ts';
import type { Handlers } from './contract/rpc.ts';
import type { OnDiskFull } from './disk/index.ts';
import { catalogCalls } from './engine/catalog-calls.ts';
import { conversationCalls, heldModelCalls, openChat } from './engine/chat-calls.ts';
import { comparisonCalls } from './engine/comparisons.ts';
import type { EngineContext } from './engine/context.ts';
import { notingDamage } from './engine/damage.ts';
import { DiskReserve } from './engine/jobs/disk-reserve.ts';
import { doctor } from './engine/doctor.ts';
import { HubAccess } from './engine/hub-access.ts';
import { defaultHome, openHome, type Home } from './engine/home/home.ts';
import { inspect } from './engine/inspect.ts';
import { jobCalls, openJobs } from './engine/jobs/jobs.ts';
import { EngineLease } from './engine/home/lease.ts';
import { libraryCalls } from './engine/library.ts';
import { measureCalls } from './engine/jobs/measure.ts';
import { pull } from './engine/jobs/pull.ts';
import { quantize } from './engine/jobs/quantize.ts';
import { finishRemovals } from './engine/remove-entry.ts';
import { startSampleHub } from './engine/sample-hub.ts';
import { sourceHub } from './engine/sources.ts';
import { sweepHome } from './engine/home/sweep.ts';
import { tensorCalls } from './engine/tensor-calls.ts';
import { fileSecrets, type Secrets } from './engine/home/secrets.ts';
import { currentSettings, settingsCalls } from './engine/home/settings.ts';
import { whileDiskFull } from './engine/jobs/while-disk-full.ts';
import { schemeDescriptions } from './formats/index.ts';
import { heldOutText, sampleModel, samplePrompts } from './sample/index.ts';

export { endWithParent } from '../native-kernels/index.ts';
export { createFile, makeFolder, replaceFile, replaceFileNow } from './disk/index.ts';
export { defaultHome, exportLogits, heldOutText, sampleModel, samplePrompts, startSampleHub };
export type { OpenRunner, Secrets };

export interface EngineOptions {
  /** Folder for models and catalog; made where it is missing. */
  readonly home: string;
  /** Goes before the settings. @default as they say, else HF_ENDPOINT, else the public hub */
  readonly hubEndpoint?: string;
  /** Goes before the kept one. @default HF_TOKEN, else the kept one */
  readonly hubToken?: string;
  /** How this host starts a runner process. */
  readonly openRunner: OpenRunner;
  /** @default 'pause' */
  readonly onDiskFull?: OnDiskFull;
  /** Where the hub token is kept. @default a file in the home that only its owner can read */
  readonly secrets?: Secrets;
}

/** A running engine. */
export interface Engine {
  readonly handlers: Handlers<EngineApi>;
  /** For a host that runs artifacts itself: as `openRunner`, but damage that a runner comes upon is noted. */
  readonly notingDamage: (openRunner: OpenRunner) => OpenRunner;
  close(): Promise<void>;
}

/**
 * Puts the engine together: it owns the home folder and the catalog in it.
 *
 * @throws AppError 'permission-denied', 'catalog-corrupt', 'disk-full', 'invalid-input'
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const home = await openHome(options.home);
  const reserve = new DiskReserve(home.directory);
  // A full disk must not keep anyone from removing what fills it.
  const catalog = await reserve.use(() => openCatalog(home.catalogFile));
  try {
    const engine = await reserve.use(() => assemble(options, home, catalog, reserve));
    // Only jobs wait for it, before they write.
    void reserve.fill();
    return {
      ...engine,
      close: async () => {
        await engine.close();
        await reserve.filled;
      },
    };
  } catch (error) {
    catalog.close();
    throw error;
  }
}

async function assemble(
  options: EngineOptions,
  home: Home,
  catalog: Catalog,
  reserve: DiskReserve,
): Promise<Engine> {
  catalog.folders.ensureHome(home.directory, new Date().toISOString());
  const hubAccess = await HubAccess.open({
    endpoint: options.hubEndpoint,
    token: options.hubToken,
    secrets: options.secrets ?? fileSecrets(home.directory),
    settings: () => currentSettings(catalog),
  });
  const lease = new EngineLease(home.directory);
  const context: EngineContext = {
    home,
    lease,
    reserve,
    catalog,
    get hub() {
      return hubAccess.hub;
    },
    // How many threads a runner gets is set once for all that start one.
    openRunner: notingDamage(catalog, (run) =>
      options.openRunner({
        ...run,
        threads: run.threads ?? currentSettings(catalog).threads ?? undefined,
      }),
    ),
    onDiskFull: options.onDiskFull ?? 'pause',
    problems: hubAccess.problems,
  };
  await sweepHome(context);
  await finishRemovals(context);
  const jobs = await openJobs(context, { ...catalogCalls(context), ...measureCalls(context) });
  const chat = await openChat(context);
  return {
    notingDamage: (openRunner) => notingDamage(catalog, openRunner),
    handlers: {
      ...catalogCalls(context),
      ...conversationCalls(context, chat),
      ...heldModelCalls(chat),
      ...measureCalls(context),
      ...comparisonCalls(context),
      ...tensorCalls(context),
      ...libraryCalls(context, jobs, (id) => chat.models.unload(id)),
      ...jobCalls(context, jobs),
      ...settingsCalls(catalog, hubAccess),
      doctor: () => doctor(context),
      schemes: () => Promise.resolve(schemeDescriptions()),
      search: ({ query, limit }, { signal }) =>
        context.hub.forPerson.search(query, { limit, signal }),
      sourceHub: ({ source }) => sourceHub(context, source),
      inspect: (params, call) => inspect(context, params, call),
      pull: ({ source }, call) =>
        whileDiskFull(context, call, async (watched) => {
          const before = new Set(catalog.models.checkpoints().map(({ id }) => id));
          const checkpoint = await pull(context, source, watched);
          return { ...checkpoint, isNew: !before.has(checkpoint.id) };
        }),
      quantize: (params, call) =>
        whileDiskFull(context, call, (watched) => quantize(context, params, watched)),
    },
    close: async () => {
      await Promise.all([jobs.close(), chat.close()]);
      await lease.release();
      catalog.close();
    },
  };
}
