/** The door of app/run. */
export { answer } from './answer.ts';
export { CallQueue } from './call-queue.ts';
export { canChat } from './chat-files.ts';
export { readGenerationConfig } from './generation-config.ts';
export { buildGraph } from './graph/build-graph.ts';
export { parseQuantState } from './graph/quant-state.ts';
export type { QuantState } from './graph/quant-state.ts';
export { ARTIFACT_FILE } from './weights-record.ts';
export { ensureGraph, GRAPH_FILE, supportsArchitecture } from './graph/ensure-graph.ts';
export { requireRunnable } from './graph/require-runnable.ts';
export { isWrittenByRuns } from './own-records.ts';
export { loadModel } from './load-model.ts';
export type { RunnableModel } from './load-model.ts';
export { profileOf } from './profile.ts';
export { score, scoreTokens } from './score.ts';
export { encodePrompt } from './tokenizer/encode-prompt.ts';
