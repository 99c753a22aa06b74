import { toAppError } from '../../../../app/contract/error.ts';
import type { GeneratedToken } from '../../../../app/contract/sampling.ts';
import { engine } from '../../../bridge.ts';
import { queryClient, queryKeys } from '../../../state/queries.ts';
import { createStore, useStore } from '../../../state/store.ts';
import { currentPrompt, newRun, nextPrompt, runAfter } from '../logic/run-state.ts';
import type { Run, RunEvent, RunRequest } from '../logic/run-state.ts';

/** The comparison that goes on, or the last one. Outside the view, so that it goes on while the person looks elsewhere. */
const run = createStore<Run | null>(null);
let working: AbortController | null = null;

/** Tokens wait this long to be drawn together, in ms: a fast model says more than a screen can show. */
const DRAW_EVERY_MS = 40;

export function useRun(): Run | null {
  return useStore(run);
}

function happen(index: number, event: RunEvent): void {
  const now = run.read();
  if (now !== null) run.write(runAfter(now, index, event));
}

/** Gathers tokens per artifact and hands them on a few times a second. */
function tokenGatherer(index: number): {
  readonly add: (artifactId: string, tokens: readonly GeneratedToken[]) => void;
  readonly flush: () => void;
} {
  const waiting = new Map<string, GeneratedToken[]>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    for (const [artifactId, tokens] of waiting)
      happen(index, { kind: 'tokens', artifactId, tokens });
    waiting.clear();
  };
  return {
    add: (artifactId, tokens) => {
      waiting.set(artifactId, [...(waiting.get(artifactId) ?? []), ...tokens]);
      timer ??= setTimeout(flush, DRAW_EVERY_MS);
    },
    flush,
  };
}

/** Asks one prompt; answers whether to go on with the next. */
async function ask(request: RunRequest, prompt: string, index: number): Promise<boolean> {
  const controller = new AbortController();
  working = controller;
  const { add, flush } = tokenGatherer(index);
  happen(index, { kind: 'start' });
  try {
    const comparison = await engine.compare(
      {
        ids: [...request.ids],
        prompt,
        ...(request.system.trim() === '' ? {} : { system: request.system }),
        sampling: request.sampling,
        maxTokens: request.maxTokens,
        arrangement: request.arrangement,
      },
      {
        signal: controller.signal,
        onEvent: (event) => {
          if (event.kind === 'tokens') add(event.artifactId, event.tokens);
          else {
            // What was said before the step belongs before it.
            flush();
            happen(index, { kind: 'progress', progress: event.progress });
          }
        },
      },
    );
    flush();
    happen(index, { kind: 'end', comparison });
    if (comparison.id !== null)
      queryClient.setQueryData(queryKeys.comparison(comparison.id), comparison);
    void queryClient.invalidateQueries({ queryKey: queryKeys.comparisons });
    return !request.isBlind;
  } catch (error) {
    flush();
    happen(index, { kind: 'fail', failure: toAppError(error) });
    // It may have been damage, which the library knows.
    void queryClient.invalidateQueries({ queryKey: queryKeys.library });
    return false;
  } finally {
    if (working === controller) working = null;
  }
}

/** Asks the prompts that have no answers yet, one after the other; a blind run waits for the vote on each. */
export async function goOn(): Promise<void> {
  for (;;) {
    const now = run.read();
    if (now === null || currentPrompt(now) !== null) return;
    const index = nextPrompt(now);
    const prompt = index === null ? undefined : now.prompts[index]?.prompt;
    if (index === null || prompt === undefined) return;
    if (!(await ask(now.request, prompt, index))) return;
  }
}

/** Begins a comparison; one that goes on must be stopped first. */
export function startRun(request: RunRequest, prompts: readonly string[]): void {
  if (working !== null) return;
  run.write(newRun(request, prompts));
  void goOn();
}

/** Stops the prompt that is being asked; what was said stays on the screen and is not saved. */
export function stopRun(): void {
  working?.abort();
}

/** Takes a run that has ended off the screen. What was saved stays saved. */
export function clearRun(): void {
  if (working === null) run.write(null);
}

/**
 * Casts the vote on a prompt of a blind run, reveals its names and goes on with the next.
 *
 * @param artifactId Null: no difference.
 * @throws AppError what the engine throws; the vote can be cast again then
 */
export async function castVote(index: number, artifactId: string | null): Promise<void> {
  const comparisonId = run.read()?.prompts[index]?.comparison?.id ?? null;
  if (comparisonId === null) return;
  const comparison = await engine.vote({ comparisonId, artifactId, blind: true });
  happen(index, { kind: 'voted', comparison });
  queryClient.setQueryData(queryKeys.comparison(comparisonId), comparison);
  void queryClient.invalidateQueries({ queryKey: queryKeys.winRates });
  void queryClient.invalidateQueries({ queryKey: queryKeys.comparisons });
  void goOn();
}
