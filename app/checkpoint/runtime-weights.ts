/**
 * Beside the weights in an artifact, in the format of safetensors: tensors that the runner wants and bitsandbytes does not know.
 * vLLM and SGLang read every file of a folder that matches `*.safetensors`, else `*.bin` and `*.pt`: this name matches
 * none of them. native-kernels/runtime/weight_files.cpp has it as well.
 */
export const RUNTIME_WEIGHTS_FILE = 'nibble-runtime.tensors';

/** Its names, the one it is written under first; the other is that of artifacts made before. */
export const RUNTIME_WEIGHTS_FILES = [RUNTIME_WEIGHTS_FILE, 'runtime.safetensors'] as const;

/** Whether a file of this name is the runner's, in an artifact of whichever version. */
export function isRuntimeWeightsFile(name: string): boolean {
  // Asked for every tensor of a model while it is loaded.
  return name === RUNTIME_WEIGHTS_FILES[0] || name === RUNTIME_WEIGHTS_FILES[1];
}
