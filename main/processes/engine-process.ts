// Entry of an engine process: owns the home folder and the catalog for the process that forked it, and ends with it.
import { engineApi } from '../../app/contract/engine-api.ts';
import { toWire } from '../../app/contract/error.ts';
import { serve } from '../../app/contract/rpc.ts';
import { createEngine, endWithParent } from '../../app/engine.ts';
import { ENGINE_GRACE_MS, parentProcess } from './child-environment.ts';
import { FAILED, portToParent, READY } from './child-port.ts';
import { sendHeartbeats } from './heartbeat.ts';
import { openRunner } from './open-runner.ts';

const parent = parentProcess();
if (parent !== null) endWithParent({ parent, graceMs: ENGINE_GRACE_MS, forkedByMainThread: true });

const port = portToParent();
const [home] = process.argv.slice(2);
// The terminal sends Ctrl-C to every process of the group; the parent decides what it means for its engine.
process.on('SIGINT', () => undefined);

try {
  if (home === undefined) throw new Error('The engine was started without a home folder.');
  const engine = await createEngine({ home, openRunner });
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    // Jobs stop after their last finished byte or tensor and are found again as interrupted.
    void engine.close().finally(() => process.exit(0));
  };
  serve(engineApi, engine.handlers, port, { withStacks: true });
  port.onClose(end);
  process.on('SIGTERM', end);
  sendHeartbeats(port);
  port.postMessage(READY);
} catch (error) {
  // Sending is done before the channel closes, and only then may the process end.
  process.once('disconnect', () => process.exit(1));
  port.postMessage({ kind: FAILED, error: toWire(error) });
  process.disconnect();
}
