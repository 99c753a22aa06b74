import { AppError } from '../contract/error.ts';
import { pythonDtype, pythonJson, formatOf, type PythonJson } from '../formats/index.ts';
import type { QuantizationPlan } from './plan.ts';

/**
 * The modules that transformers must leave alone; null lets it find the output layer by itself, which it stops doing
 * as soon as there is a list.
 */
function skipModules(plan: QuantizationPlan): readonly string[] | null {
  return plan.skippedModules.length === 0 ? null : ['lm_head', ...plan.skippedModules];
}

function computeDtype(plan: QuantizationPlan): string {
  for (const tensor of plan.tensors)
    if (tensor.treatment === 'quantized') return pythonDtype(tensor.dtype);
  return 'bfloat16';
}

/** `quantization_config` of the artifact, with every key that transformers writes; null when nothing is quantized. */
export function quantizationConfig(plan: QuantizationPlan): PythonJson {
  return formatOf(plan.scheme).config({
    scheme: plan.scheme,
    blockSize: plan.blockSize,
    computeDtype: computeDtype(plan),
    skipModules: skipModules(plan),
  });
}

/**
 * config.json of the artifact: the checkpoint's own text with `quantization_config` added at its end.
 *
 * The text is not parsed and written anew: JavaScript would turn `10000.0` into `10000`, and transformers tells
 * integers from floats.
 *
 * @param configText A JSON object without `quantization_config` (planning refuses others).
 */
export function artifactConfigText(configText: string, plan: QuantizationPlan): string {
  const added = quantizationConfig(plan);
  if (added === null) return configText;
  const text = configText.trimEnd();
  const body = text.slice(0, -1).trimEnd();
  if (!text.endsWith('}') || body.endsWith('{'))
    throw new AppError('internal', 'config.json is not an object with keys.');
  return `${body},\n  "quantization_config": ${pythonJson(added, 2, 1)}\n}\n`;
}
