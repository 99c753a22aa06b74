/**
 * Why an operation failed, as data: a name and the facts that belong to it. A host words it for its reader, in the
 * reader's language and with what that reader can do; the engine's own message is what a host without words shows.
 *
 * Each fact says what kind of value it is, so that a host formats it: `text` as it is (a stranger may have written it:
 * clean it before a terminal sees it), `count` a number of things, `bytes` a size, `seconds` a duration.
 */
export const errorReasons = {
  /** The weights are stored in a quantized format that Nibble cannot read. */
  'already-quantized': { method: 'text' },
  /** What is named is a checkpoint, which does not run by itself. `artifacts`: ids of what was made of it, by commas. */
  'checkpoint-not-runnable': { id: 'text', artifacts: 'text' },
  /** The prompt, with room for an answer where one is wanted, has more tokens than the context holds. */
  'context-overflow': { promptTokens: 'count', contextTokens: 'count' },
  /** A model family that Nibble does not know. */
  'unknown-architecture': { architecture: 'text' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, FactKind>>>>;

export type FactKind = 'text' | 'count' | 'bytes' | 'seconds';

export type ErrorReason = keyof typeof errorReasons;

/** The facts that a reason needs. */
export type FactsOf<R extends ErrorReason> = {
  readonly [Name in keyof (typeof errorReasons)[R]]: (typeof errorReasons)[R][Name] extends 'text'
    ? string
    : number;
};

/** Facts as they cross a process or lie in the catalog, where a newer Nibble may have written them. */
export type ErrorFacts = Readonly<Record<string, string | number>>;

export function isErrorReason(value: unknown): value is ErrorReason {
  return typeof value === 'string' && Object.hasOwn(errorReasons, value);
}
