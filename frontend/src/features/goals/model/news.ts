import type { Goal, GoalStatus, StepStatus } from "@/api/goal-types";

export type News = { kind: "goal"; status: GoalStatus } | { kind: "step"; name: string; status: StepStatus };

/** Steps that come next are no news by themselves: they begin at once. */
const QUIET: readonly StepStatus[] = ["pending", "ready"];

/** What a person who does not look at the page should hear of. */
export function news(before: Pick<Goal, "status" | "steps">, after: Pick<Goal, "status" | "steps">): News[] {
  const known = new Map(before.steps.map(({ name, status }) => [name, status]));
  const steps = after.steps
    .filter(({ name, status }) => known.has(name) && known.get(name) !== status && !QUIET.includes(status))
    .map(({ name, status }): News => ({ kind: "step", name, status }));
  return before.status === after.status ? steps : [...steps, { kind: "goal", status: after.status }];
}
