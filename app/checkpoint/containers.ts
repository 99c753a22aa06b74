import type { Container } from './container.ts';
import { safetensors } from './safetensors/safetensors.ts';

/** Every container that Nibble reads; where a folder has several, the first is taken, as transformers does. */
export const containers: readonly [Container, ...Container[]] = [safetensors];

/** The container of a model's weights among the files of a folder or repository, or null where there is none. */
export function containerOf(
  names: readonly string[],
  known: readonly Container[] = containers,
): Container | null {
  return known.find((container) => container.weightsAmong(names).length > 0) ?? null;
}

/** Whether a file of this name holds weights in one of the containers. */
export function isWeightsFile(name: string): boolean {
  return containers.some((container) => container.isWeightsFile(name));
}

/** Whether a file of this name says which files hold the weights. */
export function isIndexFile(name: string): boolean {
  return containers.some(({ index }) => index?.file === name);
}
