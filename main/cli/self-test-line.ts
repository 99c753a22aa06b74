import type { DeviceTrial, RunDevice } from '../../app/contract/device.ts';
import { formatDuration } from '../../app/contract/format.ts';
import type { Output } from './output.ts';
import { printStatus } from './terminal.ts';

/** As a person is told of devices. */
export const deviceNames: Readonly<Record<RunDevice, string>> = {
  cpu: 'CPU',
  webgpu: 'GPU through WebGPU',
  cuda: 'GPU through CUDA',
};

function words({ device, done, total, secondsLeft }: DeviceTrial): string {
  const parts = [`Trying this model on the ${deviceNames[device]}`];
  if (total !== null) parts.push(`${done} of ${total}`);
  if (secondsLeft !== null && done !== total)
    parts.push(`${formatDuration(Math.max(1, Math.round(secondsLeft)) * 1000)} left`);
  return parts.join(' · ');
}

/** Shows on stderr that devices are tried: one line that changes on a terminal, else a line for each device. */
export class TrialLine {
  readonly #output: Output;
  #device: RunDevice | null = null;

  constructor(output: Output) {
    this.#output = output;
  }

  show(trial: DeviceTrial): void {
    if (this.#output.interactive) printStatus(this.#output.style('dim', words(trial)));
    else if (trial.device !== this.#device) this.#output.note(words(trial));
    this.#device = trial.device;
  }

  /** Takes the line away; without one it does nothing. */
  clear(): void {
    if (this.#device !== null && this.#output.interactive) printStatus('');
    this.#device = null;
  }
}
