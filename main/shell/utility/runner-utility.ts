// Entry of a runner in the desktop app: owns one loaded model for whoever holds the other end of the port it is given.
import { serve } from '../../../app/contract/rpc.ts';
import { runnerApi } from '../../../app/contract/runner-api.ts';
import { createRunner, endWithParent } from '../../../app/runner.ts';
import { parentProcess } from '../../processes/child-environment.ts';
import { sendHeartbeats } from '../../processes/heartbeat.ts';
import { portOf } from './message-port.ts';

const parent = parentProcess();
// Electron forks from a thread of its own, or has another process do it.
if (parent !== null) endWithParent({ parent, forkedByMainThread: false });

process.parentPort.once('message', ({ ports: [channel] }) => {
  if (channel === undefined) throw new Error('A runner was started without a port.');
  const port = portOf(channel);
  serve(runnerApi, createRunner(), port, { withStacks: true });
  sendHeartbeats(port);
  // Without the engine nobody can reach this process any more; the system takes back everything.
  port.onClose(() => process.exit(0));
});
