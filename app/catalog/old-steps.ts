/** How earlier versions ended the name of a measuring step, whose first part was an artifact's id. */
const MEASURING = '/evaluate';

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The longest id fits best: `nf4` is also found in `nf4-dq`. A block size or a number may follow it. */
function formatInName(name: string, formats: readonly string[]): string | null {
  const found = [...formats]
    .sort((a, b) => b.length - a.length)
    .find((format) => new RegExp(`-${format}(-b\\d+)?(-\\d+)?$`).test(name));
  return found ?? null;
}

function upgradeStep(step: JsonObject, request: JsonObject): JsonObject {
  const { kind, task, ...rest } = step;
  const name = typeof step['step'] === 'string' ? step['step'] : '';
  const isMeasuring = name.endsWith(MEASURING);
  const subject = isMeasuring ? name.slice(0, -MEASURING.length) : name;
  const schemes = Array.isArray(request['schemes']) ? request['schemes'] : [];
  const formats = schemes.filter((scheme) => typeof scheme === 'string');
  const named = formatInName(subject, formats);
  const makes = isMeasuring || kind === 'quantize' || kind === 'evaluate' || named !== null;
  const guessed = makes ? (named ?? formats[0] ?? null) : null;
  const format = isObject(task) ? (task['scheme'] ?? null) : guessed;
  // A pause stood in the place of what was paused.
  const paused =
    request['kind'] !== 'make' ? request['kind'] : format === null ? 'download' : 'quantize';
  return {
    ...rest,
    phase: isMeasuring ? 'evaluate' : kind === 'paused' ? paused : kind,
    isPaused: kind === 'paused',
    subject,
    artifact: format === null ? null : subject,
    format,
  };
}

/**
 * Steps of a job as earlier versions wrote them, in today's form: what was made stood in the step's name
 * (`model-nf4-b64/evaluate`), and a pause in the place of what was paused.
 *
 * @param steps as stored; what is not an old step is returned as it is
 * @param request what the job was asked for, as stored
 */
export function upgradeSteps(steps: unknown, request: unknown): unknown {
  if (!Array.isArray(steps) || !isObject(request)) return steps;
  return steps.map((step: unknown) =>
    isObject(step) && step['kind'] !== undefined && step['phase'] === undefined
      ? upgradeStep(step, request)
      : step,
  );
}
