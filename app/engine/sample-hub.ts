import { startLocalHub } from '../local-hub/index.ts';
import { sampleModel } from '../sample/index.ts';

/** Serves the embedded sample model on loopback, in the protocol of the hub, so that it is pulled like any other. */
export function startSampleHub(): Promise<{ readonly endpoint: string; close(): Promise<void> }> {
  return startLocalHub({
    repositories: { [sampleModel.repository]: { directory: sampleModel.directory } },
  });
}
