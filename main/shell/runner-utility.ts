// Entry of a runner in the desktop app: owns one loaded model for whoever holds the other end of the port it is given.
import { serve } from '../../app/contract/rpc.ts';
import { runnerApi } from '../../app/contract/runner-api.ts';
import { createRunner } from '../../app/runner.ts';
import { portOf } from './message-port.ts';

process.parentPort.once('message', ({ ports: [channel] }) => {
  if (channel === undefined) throw new Error('A runner was started without a port.');
  const port = portOf(channel);
  serve(runnerApi, createRunner(), port, { withStacks: true });
  // Without the engine nobody can reach this process any more; the system takes back everything.
  port.onClose(() => process.exit(0));
});
