import type { Step } from "./run";

/** Whether a step only computed. */
export function isComputing(step: Step): boolean {
  return step.calls.length > 0 && step.calls.every((call) => ["table", "calculate", "date"].includes(call.tool));
}
