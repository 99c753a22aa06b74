// Entry of a runner process: owns one loaded model for the process that forked it, and ends with it.
import { z } from 'zod';
import { serve } from '../../app/contract/rpc.ts';
import { runnerApi } from '../../app/contract/runner-api.ts';
import { createRunner, endWithParent } from '../../app/runner.ts';
import { parentProcess } from './child-environment.ts';
import { portToParent, READY } from './child-port.ts';
import { sendHeartbeats } from './heartbeat.ts';

// Compiling a schema pays once it has checked some hundred values. A runner reads each of its small files once, and the
// model's first word waits for that.
z.config({ jitless: true });

const parent = parentProcess();
if (parent !== null) endWithParent({ parent, forkedByMainThread: true });

const port = portToParent();
serve(runnerApi, createRunner(), port, { withStacks: true });
// Without its parent nobody can reach this process any more. It is not left to close the model: a product in flight
// would keep it for seconds, and the system takes back everything anyway.
port.onClose(() => process.exit(0));
// The terminal sends Ctrl-C to every process of the group; the parent decides what it means for its runners.
process.on('SIGINT', () => undefined);
sendHeartbeats(port);
port.postMessage(READY);
