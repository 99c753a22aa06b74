/** The one door to the native kernels: nothing outside this folder imports anything else of it. */
export * from './attention.ts';
export * from './gpu.ts';
export * from './graph-probe.ts';
export * from './linear.ts';
export * from './process.ts';
export * from './quantize-files.ts';
export * from './quantizers.ts';
export * from './runtime.ts';
export * from './tree-hash.ts';
export * from './weights-ahead.ts';
export type { InstructionSet } from './quantizers.ts';
