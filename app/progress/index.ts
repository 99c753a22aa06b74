export { ProgressMeter } from './meter.ts';
export type { ProgressMeterOptions } from './meter.ts';
