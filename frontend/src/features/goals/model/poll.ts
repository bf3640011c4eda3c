import type { GoalSummary } from "@/api/goal-types";

const SOON_MS = 4_000;
const LATER_MS = 20_000;

/** After how long the list is worth reading again: soon where a goal goes on by itself, later where one is paused or goes on only when
 *  somebody decides, perhaps elsewhere; never where all have ended or wait to be approved. */
export function pollAfter(goals: readonly Pick<GoalSummary, "status" | "steps_waiting">[]): number | false {
  const open = goals.filter(({ status }) => status === "planning" || status === "running" || status === "paused");
  if (open.length === 0) return false;
  return open.some(({ status, steps_waiting }) => status !== "paused" && steps_waiting === 0) ? SOON_MS : LATER_MS;
}
