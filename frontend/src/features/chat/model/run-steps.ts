import type { Run } from "@/api/types";
import type { FoundPassage, Step } from "./run";

/** The steps of a stored run in the form that its events would have given. */
export function stepsOfRun(run: Run): Step[] {
  return run.steps.map((step) => ({
    kind: step.kind,
    attempt: step.attempt,
    done: step.finished_at !== null,
    durationMs: step.duration_ms,
    startedAt: Date.parse(step.started_at),
    query: typeof step.detail["query"] === "string" ? step.detail["query"] : null,
    passages: Array.isArray(step.detail["passages"]) ? (step.detail["passages"] as FoundPassage[]) : null,
  }));
}
