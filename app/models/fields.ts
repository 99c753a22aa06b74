import { z } from 'zod';
import { AppError, because } from '../contract/error.ts';

/** How the fields of a config.json are checked, and what is said of those that do not fit. */

/** The error for fields that are out of range or contradict each other. */
export function contradiction(field: string, value: unknown, what: string): AppError {
  return new AppError(
    'malformed-file',
    `config.json: ${what}`,
    because(
      'bad-config-value',
      { field, value: (value === undefined ? 'undefined' : JSON.stringify(value)).slice(0, 64) },
      { remedy: 'The checkpoint contradicts itself: download it again, or choose another one.' },
    ),
  );
}

/** The error for a known family's model that wants something which there is no operator for. */
export function unsupportedFeature(field: string, value: string, message: string): AppError {
  return new AppError(
    'unsupported-model',
    message,
    because(
      'unsupported-feature',
      { field, value: value.slice(0, 64) },
      { remedy: 'Choose another model.' },
    ),
  );
}

/** A config without some fields: for a family that does not read what others do. */
export function withoutFields(config: unknown, ...names: readonly string[]): unknown {
  if (typeof config !== 'object' || config === null) return config;
  return Object.fromEntries(Object.entries(config).filter(([name]) => !names.includes(name)));
}

/** Checks the fields that a schema names. @throws AppError `malformed-file` that names the first bad one */
export function readFields<T extends z.ZodType>(schema: T, config: unknown): z.output<T> {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path ?? [];
  const value = path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined,
    config,
  );
  const what = z.prettifyError(parsed.error).replaceAll('\n', ' ');
  throw contradiction(path.map(String).join('.'), value, what);
}
