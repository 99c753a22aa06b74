import { AppError } from '../contract/error.ts';
import type { ModelProfile, ProfilePart, ProfilePhase } from '../contract/profile.ts';
import type { Model, ProfilePhase as MeasuredPhase } from '../../native-kernels/index.ts';

/** Layers do the same work: `layers.7.gate` is the part `gate`. */
const LAYER_PREFIX = /^layers\.\d+\./;

function sumUp({ tokens, runs, runMs, samplingMs, nodes }: MeasuredPhase): ProfilePhase {
  const parts = new Map<string, ProfilePart>();
  for (const { operator, name, calls, ms, bytes } of nodes) {
    const part = name.replace(LAYER_PREFIX, '');
    const key = `${operator} ${part}`;
    const sum = parts.get(key) ?? { operator, part, calls: 0, ms: 0, bytes: 0 };
    parts.set(key, {
      ...sum,
      calls: sum.calls + calls,
      ms: sum.ms + ms,
      bytes: sum.bytes + bytes,
    });
  }
  return {
    tokens,
    runs,
    runMs,
    samplingMs,
    parts: [...parts.values()].toSorted((a, b) => b.ms - a.ms),
  };
}

/**
 * Where a model's time went, the layers added up.
 *
 * @throws AppError `invalid-input` when the model was loaded without a profile
 */
export function profileOf(model: Model): ModelProfile {
  const measured = model.profile();
  if (measured === null)
    throw new AppError('invalid-input', 'This model was loaded without a profile.', {
      remedy: 'Load it with `profile: true`.',
    });
  return { prefill: sumUp(measured.prefill), decode: sumUp(measured.decode) };
}
