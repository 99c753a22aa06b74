/** The door of app/run/plan. */
export type { NamedMatrix, NodeOf, Plan, PlanNode } from './plan.ts';
export { planDecoder } from './plan-decoder.ts';
