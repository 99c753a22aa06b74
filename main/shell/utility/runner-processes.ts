import { MessageChannelMain, type MessagePortMain } from 'electron';
import { AppError } from '../../../app/contract/error.ts';
import { entryBeside } from '../../processes/start-child.ts';
import { startUtility, type StartedUtility, type UtilityEnd } from './start-utility.ts';

const RUNNER_FILE = entryBeside(import.meta.url, 'runner-utility');

/** A runner with nothing in flight ends at once when its port closes; one inside a long product is killed. */
const END_TIMEOUT_MS = 1_000;

/** The runners of one engine. */
export class RunnerProcesses {
  readonly #runners = new Map<number, StartedUtility>();
  #lastId = 0;

  /** Forks a runner. @returns its number, its process and the port through which it is called */
  async start(): Promise<{ runnerId: number; pid: number; port: MessagePortMain }> {
    const utility = startUtility(RUNNER_FILE, 'Nibble runner', 'runner');
    await Promise.race([
      new Promise<void>((resolve) => utility.process.once('spawn', resolve)),
      utility.gone.then(({ how }) => {
        throw new AppError('runner-crashed', `The process that runs the model ${how}.`);
      }),
    ]);
    const { port1, port2 } = new MessageChannelMain();
    utility.process.postMessage(null, [port1]);
    const runnerId = ++this.#lastId;
    this.#runners.set(runnerId, utility);
    return { runnerId, pid: utility.process.pid ?? 0, port: port2 };
  }

  #find(runnerId: number): StartedUtility {
    const runner = this.#runners.get(runnerId);
    if (runner === undefined) throw new AppError('not-found', `There is no runner ${runnerId}.`);
    return runner;
  }

  /** Resolves when the runner is gone. @throws AppError 'not-found' */
  ended(runnerId: number): Promise<UtilityEnd> {
    return this.#find(runnerId).gone;
  }

  /** Ends a runner and waits until it is gone. @throws AppError 'not-found' */
  async end(runnerId: number): Promise<void> {
    const utility = this.#find(runnerId);
    await utility.end(() => utility.process.kill(), END_TIMEOUT_MS);
  }

  /** Ends all of them. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#runners.keys()].map((runnerId) => this.end(runnerId)));
  }
}
