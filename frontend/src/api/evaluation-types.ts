import type { components } from "./schema";
import type { Narrowed, Sent } from "./types";

type Schemas = components["schemas"];

export type EvaluationStatus = "queued" | "running" | "finished" | "failed" | "cancelled";
export type EvaluationTotals = Sent<Schemas["EvaluationTotalsResponse"]>;
export type EvaluationShare = Schemas["EvaluationShareResponse"];
export type EvaluatedAgent = Sent<Schemas["EvaluatedAgentResponse"]>;
export type EvaluationSuiteSummary = Narrowed<Schemas["EvaluationSuiteSummaryResponse"], { latest: EvaluationTotals | null }>;
export type EvaluationSuite = Sent<Schemas["EvaluationSuiteResponse"]>;
export type WriteEvaluationSuite = Schemas["WriteEvaluationSuiteRequest"];
export type Evaluation = Narrowed<Schemas["EvaluationResponse"], { status: EvaluationStatus; totals: EvaluationTotals | null; agent: EvaluatedAgent | null }>;
export type EvaluationVerdict = Sent<Schemas["EvaluationVerdictResponse"]>;
export type EvaluationAnswer = Sent<Schemas["EvaluationAnswerResponse"]>;
export type EvaluationCase = Narrowed<Schemas["EvaluationCaseResponse"], { status: "pending" | "running" | "done" | "skipped"; verdict: EvaluationVerdict | null; answer: EvaluationAnswer | null }>;
export type EvaluationDetail = Evaluation & { currency: string; items: EvaluationCase[] };
export type EvaluationComparison = Sent<Schemas["EvaluationComparisonResponse"]>;
export type StartEvaluation = Schemas["StartEvaluationRequest"];
export interface StartedEvaluations {
  items: Evaluation[];
}
