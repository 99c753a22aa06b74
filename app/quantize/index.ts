/** The door of app/quantize. */
export { artifactConfigText, quantizationConfig } from './artifact-config.ts';
export { MANIFEST_FILE, manifestFingerprint, manifestSchema } from './manifest.ts';
export { malformedManifest, readManifest } from './read-manifest.ts';
export type { Manifest } from './manifest.ts';
export { artifactTotals } from './totals.ts';
export { planQuantization } from './plan.ts';
export type { PlannedTensor, PlanRequest, QuantizationPlan } from './plan.ts';
export { partialDirectoryOf, quantizeCheckpoint } from './quantize-checkpoint.ts';
export type { QuantizedArtifact, QuantizeOptions } from './quantize-checkpoint.ts';
