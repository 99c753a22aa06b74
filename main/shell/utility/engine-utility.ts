// Entry of the engine in the desktop app. Windows call it over ports of their own, which the main process hands over.
import type { MessagePortMain } from 'electron';
import { engineApi } from '../../../app/contract/engine-api.ts';
import { toWire } from '../../../app/contract/error.ts';
import { connect, serve } from '../../../app/contract/rpc.ts';
import { createEngine, endWithParent, type Engine } from '../../../app/engine.ts';
import { ENGINE_GRACE_MS, parentProcess } from '../../processes/child-environment.ts';
import { FAILED, READY } from '../../processes/child-port.ts';
import { sendHeartbeats } from '../../processes/heartbeat.ts';
import { portOf } from './message-port.ts';
import { PortsByNumber } from '../ports-by-number.ts';
import { engineMessageSchema, shellApi } from '../shell-api.ts';
import { shellRunner } from '../shell-runner.ts';

const parent = parentProcess();
if (parent !== null) endWithParent({ parent, graceMs: ENGINE_GRACE_MS, forkedByMainThread: false });

const { parentPort } = process;
const runnerPorts = new PortsByNumber();
let starting: Promise<Engine> | null = null;

function start(home: string, channel: MessagePortMain): Promise<Engine> {
  const shell = connect(shellApi, portOf(channel));
  return createEngine({
    home,
    openRunner: shellRunner(shell, (runnerId) => runnerPorts.take(runnerId)),
    secrets: {
      read: () => shell.readHubToken({}),
      write: async (token) => {
        await shell.writeHubToken({ token });
      },
    },
  });
}

async function end(): Promise<void> {
  try {
    await (await starting)?.close();
  } finally {
    process.exit(0);
  }
}

parentPort.on('message', ({ data, ports: [channel] }) => {
  const message = engineMessageSchema.parse(data);
  if (message.kind === 'close') {
    void end();
    return;
  }
  if (channel === undefined) throw new Error(`A message ${message.kind} came without a port.`);
  switch (message.kind) {
    case 'start':
      starting = start(message.home, channel);
      starting.then(
        () => {
          sendHeartbeats(parentPort);
          parentPort.postMessage(READY);
        },
        (error: unknown) => {
          parentPort.postMessage({ kind: FAILED, error: toWire(error) });
        },
      );
      break;
    case 'client':
      void starting?.then(({ handlers }) => {
        serve(engineApi, handlers, portOf(channel));
      });
      break;
    case 'runner':
      runnerPorts.put(message.runnerId, channel);
      break;
  }
});
