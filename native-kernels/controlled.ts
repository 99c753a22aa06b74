import type { KernelOptions } from './quantizer-types.ts';
import { quantizerAddon } from './quantizers-addon.ts';
import type { NativeControl } from './quantizers-addon.ts';

/** Runs a call of the addon with its options: an aborted signal sets the flag that the kernels look at. */
export async function controlled<Result>(
  options: KernelOptions,
  call: (control: NativeControl) => Promise<Result>,
): Promise<Result> {
  const { signal, threads, isa, onProgress } = options;
  const addon = quantizerAddon();
  const cancellation = signal === undefined ? undefined : addon.createCancellation();
  const cancel = () => {
    if (cancellation !== undefined) addon.cancel(cancellation);
  };
  let settled = false;
  // A report may be under way when the promise settles; nobody expects it then.
  const report = (fraction: number) => {
    if (!settled) onProgress?.(fraction);
  };
  if (signal?.aborted === true) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await call({
      threads,
      isa,
      cancellation,
      onProgress: onProgress === undefined ? undefined : report,
    });
  } finally {
    settled = true;
    signal?.removeEventListener('abort', cancel);
  }
}
