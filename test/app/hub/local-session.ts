import type { HubOptions } from '../../../app/hub/index.ts';
import { downloadRepository, Hub } from '../../../app/hub/index.ts';
import type { Download, DownloadOptions } from '../../../app/hub/download-repository.ts';
import type { LocalHub, LocalRepository } from '../../../app/local-hub/index.ts';
import { startFaultyHub, type FaultyHubOptions } from '../../fixtures/hub/faulty-hub.ts';
import { RequestLog } from '../../fixtures/hub/hub-faults.ts';
import { ScratchFolder, writeShardedModel } from '../../fixtures/hub-model.ts';

export const NAME = 'maker/small-model';

/** Waits of tests: short, but not zero, so that the order of events stays real. */
export const QUICK = { retries: 3, baseMs: 5, maxMs: 20 };

/** A local hub with one model, a client for it and a folder to download to. */
export class LocalSession implements AsyncDisposable {
  readonly source: ScratchFolder;
  readonly target = new ScratchFolder();
  readonly log: RequestLog;
  readonly server: LocalHub;
  readonly hub: Hub;

  private constructor(server: LocalHub, hub: Hub, source: ScratchFolder, log: RequestLog) {
    this.server = server;
    this.hub = hub;
    this.source = source;
    this.log = log;
  }

  static async start(
    options: Partial<Omit<FaultyHubOptions, 'repositories'>> & {
      readonly repository?: Partial<LocalRepository>;
      readonly client?: HubOptions;
      readonly shardBytes?: number;
    } = {},
  ): Promise<LocalSession> {
    const source = new ScratchFolder();
    const log = new RequestLog();
    writeShardedModel(source.directory, options.shardBytes);
    const server = await startFaultyHub({
      ...options,
      repositories: { [NAME]: { directory: source.directory, ...options.repository } },
      intercept: log.watch(options.intercept),
    });
    const hub = new Hub({
      endpoint: server.endpoint,
      token: '',
      retry: QUICK,
      stallMs: 5_000,
      ...options.client,
    });
    return new LocalSession(server, hub, source, log);
  }

  async pull(options: Partial<DownloadOptions> = {}): Promise<Download> {
    const repository = options.repository ?? (await this.hub.repository(NAME, 'main'));
    return downloadRepository({
      hub: this.hub,
      repository,
      directory: this.target.directory,
      marginBytes: 0,
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    this.source[Symbol.dispose]();
    this.target[Symbol.dispose]();
  }
}
