/** What a template may use up: characters of its source, nesting, bytes, characters written, steps, time. */
export type TemplateLimit = 'depth' | 'memory' | 'output' | 'source' | 'steps' | 'time';

/**
 * Why a template gave no text: `syntax` it does not parse, `failed` it does something that Python refuses, `refused` it
 * called `raise_exception`, `limit` it used up what a template may use.
 */
export type TemplateFailureKind = 'syntax' | 'failed' | 'refused' | 'limit';

/** The one error of a template. `message` says what happened in the words of Python where it is Python that refuses. */
export class TemplateFailure extends Error {
  readonly kind: TemplateFailureKind;
  /** Line of the template, from 1; filled in where the failure passes a place that knows it. */
  line: number | null;
  readonly limit: TemplateLimit | null;

  constructor(
    kind: TemplateFailureKind,
    message: string,
    options: { line?: number | null; limit?: TemplateLimit } = {},
  ) {
    super(message);
    this.name = 'TemplateFailure';
    this.kind = kind;
    this.line = options.line ?? null;
    this.limit = options.limit ?? null;
  }
}

/** Something that Python would raise while the template runs. */
export function failed(message: string): TemplateFailure {
  return new TemplateFailure('failed', message);
}

export function syntaxError(message: string, line: number): TemplateFailure {
  return new TemplateFailure('syntax', message, { line });
}
