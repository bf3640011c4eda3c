import type { AnsweringAgent } from "@/api/agent-types";
import type { Run } from "@/api/types";
import { blankStep, callOf, checksOf, rememberedOf, routeOf, type FoundPassage, type Step } from "./run";
import { askedOf } from "./asked";
import { debateOf } from "./debate";
import { understoodOf } from "./understood";

/** The steps of a stored run in the form that its events would have given. */
export function stepsOfRun(run: Run): Step[] {
  return run.steps.map(({ kind, attempt, detail, ...step }) => ({
    ...blankStep({ kind, attempt, done: step.finished_at !== null, durationMs: step.duration_ms, startedAt: Date.parse(step.started_at) }),
    query: typeof detail["query"] === "string" ? detail["query"] : null,
    understood: understoodOf(detail),
    passages: Array.isArray(detail["passages"]) ? (detail["passages"] as FoundPassage[]) : null,
    remembered: rememberedOf(detail["remembered"]),
    calls: Array.isArray(detail["calls"]) ? detail["calls"].map((call) => callOf(call as Record<string, unknown>)) : [],
    route: routeOf(detail["route"]),
    tokens: tokensOf(detail["usage"]),
    debate: kind === "deliberate" ? debateOf(detail) : null,
    checks: checksOf(detail["checks"]),
    interrupted: detail["reason"] === "interrupted",
    asked: kind === "person" ? askedOf(detail) : null,
  }));
}

/** Which agent works on a run, as its first step has it; null for runs from before there were several. */
export function agentOfRun(run: Run): AnsweringAgent | null {
  const agent = run.steps[0]?.detail["agent"] as AnsweringAgent | null | undefined;
  return typeof agent?.name === "string" ? agent : null;
}

function tokensOf(value: unknown): Step["tokens"] {
  const usage = value as { input_tokens?: unknown; output_tokens?: unknown } | null | undefined;
  return typeof usage?.input_tokens === "number" && typeof usage.output_tokens === "number" ? { input: usage.input_tokens, output: usage.output_tokens } : null;
}
