import type { KernelOptions } from './quantizer-types.ts';
import { quantizerAddon } from './quantizers-addon.ts';
import type { NativeControl } from './quantizers-addon.ts';

/** Runs a call of the addon with its options: an aborted signal sets the flag that the kernels look at. */
export async function controlled<Result>(
  options: KernelOptions,
  call: (control: NativeControl) => Promise<Result>,
): Promise<Result> {
  const { signal, threads, isa, onProgress, devices, onFallback } = options;
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
    const result = await call({
      threads,
      isa,
      cancellation,
      onProgress: onProgress === undefined ? undefined : report,
      devices,
    });
    const fallback = fallbackOf(result);
    if (fallback !== null) onFallback?.(fallback);
    return result;
  } finally {
    settled = true;
    signal?.removeEventListener('abort', cancel);
  }
}

/** Why no device made a result, where one should have. */
function fallbackOf(result: unknown): string | null {
  if (typeof result !== 'object' || result === null || !('fallback' in result)) return null;
  return typeof result.fallback === 'string' ? result.fallback : null;
}
