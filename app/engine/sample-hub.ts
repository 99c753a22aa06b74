import { sampleModel } from '../sample/index.ts';

/** Serves the embedded sample model on loopback, in the protocol of the hub, so that it is pulled like any other. */
export async function startSampleHub(): Promise<{
  readonly endpoint: string;
  close(): Promise<void>;
}> {
  // It brings a web server, 130 modules, that no other call of the engine needs.
  const { startLocalHub } = await import('../local-hub/index.ts');
  return startLocalHub({
    repositories: { [sampleModel.repository]: { directory: sampleModel.directory } },
  });
}
