import type { Comparison } from '../../../../app/contract/comparison.ts';
import type { AppError } from '../../../../app/contract/error.ts';
import type { Progress } from '../../../../app/contract/progress.ts';
import type { GeneratedToken, Sampling } from '../../../../app/contract/sampling.ts';

/** What is asked of every prompt of a run. */
export interface RunRequest {
  readonly ids: readonly string[];
  /** Names in the order of `ids`: the engine's progress tells of an artifact by its name. */
  readonly names: readonly string[];
  readonly system: string;
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly arrangement: Comparison['arrangement'];
  readonly isBlind: boolean;
  /** For the order of the columns in a blind run. */
  readonly secret: number;
}

export type ColumnPhase =
  | 'waiting'
  | 'loading'
  /** Loaded, and waits for the others or reads the prompt. */
  | 'ready'
  | 'answering'
  | 'done'
  /** It was cut off, by a fault or by the person. */
  | 'cut';

export interface RunColumn {
  readonly artifactId: string;
  readonly phase: ColumnPhase;
  readonly loading: Progress | null;
  readonly tokens: readonly GeneratedToken[];
}

export type PromptState =
  | 'waiting'
  | 'running'
  /** Blind, answered, and waiting for the person's vote. */
  | 'voting'
  | 'done'
  | 'failed'
  | 'stopped';

export interface PromptRun {
  readonly prompt: string;
  readonly state: PromptState;
  readonly columns: readonly RunColumn[];
  readonly comparison: Comparison | null;
  readonly failure: Pick<AppError, 'code' | 'message' | 'remedy'> | null;
}

export interface Run {
  readonly request: RunRequest;
  readonly prompts: readonly PromptRun[];
}

export type RunEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | {
      readonly kind: 'tokens';
      readonly artifactId: string;
      readonly tokens: readonly GeneratedToken[];
    }
  | { readonly kind: 'end'; readonly comparison: Comparison }
  | { readonly kind: 'voted'; readonly comparison: Comparison }
  | { readonly kind: 'fail'; readonly failure: Pick<AppError, 'code' | 'message' | 'remedy'> };

function freshPrompt(prompt: string, ids: readonly string[]): PromptRun {
  return {
    prompt,
    state: 'waiting',
    columns: ids.map((artifactId) => ({
      artifactId,
      phase: 'waiting',
      loading: null,
      tokens: [],
    })),
    comparison: null,
    failure: null,
  };
}

export function newRun(request: RunRequest, prompts: readonly string[]): Run {
  return { request, prompts: prompts.map((prompt) => freshPrompt(prompt, request.ids)) };
}

/** The engine tells how far each artifact is loaded, and counts the answers. */
function afterProgress(
  request: RunRequest,
  columns: readonly RunColumn[],
  progress: Progress,
): readonly RunColumn[] {
  if (progress.phase === 'load')
    return columns.map((column) => {
      if (progress.artifact !== column.artifactId || column.tokens.length > 0) return column;
      const isLoaded = progress.total !== null && progress.done >= progress.total;
      return { ...column, phase: isLoaded ? 'ready' : 'loading', loading: progress };
    });
  if (progress.phase !== 'compare') return columns;
  if (request.arrangement === 'alone')
    return columns.map((column, i) => {
      if (i < progress.done) return { ...column, phase: 'done' };
      if (i > progress.done || column.phase !== 'waiting') return column;
      return { ...column, phase: 'loading' };
    });
  return columns.map((column) =>
    column.artifactId === progress.artifact && column.phase === 'answering'
      ? { ...column, phase: 'done' }
      : column,
  );
}

function afterTokens(
  request: RunRequest,
  columns: readonly RunColumn[],
  event: Extract<RunEvent, { kind: 'tokens' }>,
): readonly RunColumn[] {
  const speaking = columns.findIndex(({ artifactId }) => artifactId === event.artifactId);
  return columns.map((column, i) => {
    if (i === speaking)
      return { ...column, phase: 'answering', tokens: [...column.tokens, ...event.tokens] };
    // One after the other: whoever came before has finished.
    if (request.arrangement === 'alone' && i < speaking) return { ...column, phase: 'done' };
    return column;
  });
}

function afterEvent(request: RunRequest, run: PromptRun, event: RunEvent): PromptRun {
  switch (event.kind) {
    case 'start':
      return { ...freshPrompt(run.prompt, request.ids), state: 'running' };
    case 'progress':
      return { ...run, columns: afterProgress(request, run.columns, event.progress) };
    case 'tokens':
      return { ...run, columns: afterTokens(request, run.columns, event) };
    case 'end':
      return {
        ...run,
        state: request.isBlind ? 'voting' : 'done',
        comparison: event.comparison,
        columns: run.columns.map((column, i) => ({
          ...column,
          phase: 'done',
          tokens: event.comparison.answers[i]?.tokens ?? column.tokens,
        })),
      };
    case 'voted':
      return { ...run, state: 'done', comparison: event.comparison };
    case 'fail':
      return {
        ...run,
        state: event.failure.code === 'aborted' ? 'stopped' : 'failed',
        failure: event.failure.code === 'aborted' ? null : event.failure,
        columns: run.columns.map((column) =>
          column.phase === 'done' ? column : { ...column, phase: 'cut' },
        ),
      };
  }
}

/** A run after something happened to one of its prompts. */
export function runAfter(run: Run, index: number, event: RunEvent): Run {
  return {
    ...run,
    prompts: run.prompts.map((prompt, i) =>
      i === index ? afterEvent(run.request, prompt, event) : prompt,
    ),
  };
}

/** The prompt that is being asked or voted on; null when nothing goes on. */
export function currentPrompt(run: Run): number | null {
  const index = run.prompts.findIndex(({ state }) => state === 'running' || state === 'voting');
  return index === -1 ? null : index;
}

/** The first prompt that has no answers yet; null when all have. */
export function nextPrompt(run: Run): number | null {
  const index = run.prompts.findIndex(
    ({ state }) => state === 'waiting' || state === 'failed' || state === 'stopped',
  );
  return index === -1 ? null : index;
}
