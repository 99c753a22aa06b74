/** The door of app/compare. */
export { compareArtifacts } from './compare-artifacts.ts';
export type { CompareOptions } from './ask-artifact.ts';
export { findDivergence } from './divergence.ts';
export { evaluateArtifact } from './evaluate-artifact.ts';
export type { EvaluateOptions, Measured } from './evaluate-artifact.ts';
export { exportLogits } from './export-logits.ts';
export type { ExportLogitsOptions } from './export-logits.ts';
export { DivergenceMeter, LossMeter } from './metrics.ts';
export type { RowDivergence } from './metrics.ts';
export type { OpenedRunner, OpenRunner, OpenRunnerOptions } from './open-runner.ts';
export { winRatesOf, wilsonInterval } from './win-rate.ts';
export type { Ballot } from './win-rate.ts';
export { scoreText } from './score-text.ts';
export type { ScoreTextOptions } from './score-text.ts';
export { comparisonReport, reportFileName } from './report/comparison-report.ts';
export type { ReportOptions } from './report/comparison-report.ts';
