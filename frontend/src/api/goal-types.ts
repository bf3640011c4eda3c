import type { components } from "./schema";
import type { Message, Narrowed, Sent } from "./types";

type Schemas = components["schemas"];

/** The OpenAPI document describes the words in prose. */
export type GoalStatus = "planning" | "proposed" | "running" | "paused" | "finished" | "failed" | "cancelled";
export type StepStatus = "pending" | "ready" | "running" | "waiting" | "done" | "failed" | "skipped" | "stopped";
export type StepKind = "ask" | "person" | "check" | "report";
export type Join = "all" | "any" | "at_least" | "settled";

export type GoalCheck = Narrowed<Schemas["GoalCheckResponse"], { kind: "answered" | "says" | "never_says" | "documents" | "figure_in" }>;
export type PlanStep = Narrowed<Schemas["PlanStepResponse"], { kind: StepKind; join: Join; expects: GoalCheck[] }>;
export type GoalStep = Narrowed<Schemas["GoalStepResponse"], { kind: StepKind; join: Join; expects: GoalCheck[]; status: StepStatus; answer: Message | null }>;
export type PlanVersion = Sent<Schemas["PlanVersionResponse"]>;
export type GoalLimits = Sent<Schemas["GoalLimits"]>;
export type GoalSummary = Narrowed<Schemas["GoalSummaryResponse"], { status: GoalStatus }>;
export type Goal = Narrowed<
  Schemas["GoalResponse"],
  { status: GoalStatus; limits: GoalLimits; plan: Sent<Schemas["GoalPlanResponse"]> | null; steps: GoalStep[] }
>;
export type CreateGoal = Partial<Schemas["CreateGoalRequest"]> & { goal: string };
