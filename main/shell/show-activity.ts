import { powerSaveBlocker, type BrowserWindow } from 'electron';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineApi } from '../../app/contract/engine-api.ts';
import type { Client } from '../../app/contract/rpc.ts';
import { JobActivity } from './job-activity.ts';

/** After the engine has died: the next call waits for the new one by itself, this only keeps a failing one from spinning. */
const RETRY_MS = 1_000;

/** Shows the running job in the dock or taskbar, and keeps the computer awake for it, until `signal` fires. */
export function showActivity(
  engine: Client<EngineApi>,
  window: () => BrowserWindow | null,
  signal: AbortSignal,
): JobActivity {
  const activity = new JobActivity();
  let blocker: number | null = null;
  const show = (): void => {
    window()?.setProgressBar(activity.bar);
    if (activity.keepsAwake && blocker === null)
      blocker = powerSaveBlocker.start('prevent-app-suspension');
    else if (!activity.keepsAwake && blocker !== null) {
      powerSaveBlocker.stop(blocker);
      blocker = null;
    }
  };
  void (async () => {
    while (!signal.aborted) {
      await engine
        .watchJobs(
          {},
          {
            signal,
            onEvent: (job) => {
              activity.update(job);
              show();
            },
          },
        )
        .catch(() => undefined);
      activity.clear();
      show();
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  })();
  return activity;
}
