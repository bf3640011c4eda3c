import type { components, operations } from "./schema";
import type { Classification, Narrowed, Sent, Tier } from "./types";

type Schemas = components["schemas"];

export type UsageGroup = NonNullable<NonNullable<operations["usage.totals"]["parameters"]["query"]>["group_by"]>;
export type UsageTotals = Sent<Schemas["UsageTotalsResponse"]>;
export type Usage = Narrowed<Schemas["UsageResponse"], { total: UsageTotals; items: UsageTotals[] }>;

export type ChatTiers = Narrowed<Schemas["ChatTiersResponse"], { tiers: Tier[] }>;

export type SubjectKind = Schemas["SubjectKindName"];
export type BudgetPeriod = Schemas["PeriodName"];
export type BudgetUnit = Schemas["UnitName"];
export type BudgetLevel = Schemas["LevelName"];
export type BudgetStanding = Sent<Schemas["BudgetStandingResponse"]>;
export type Budget = Narrowed<Schemas["BudgetResponse"], { current: BudgetStanding }>;
export type OwnBudgets = Narrowed<Schemas["OwnBudgetsResponse"], { items: Budget[] }>;
export type CreateBudget = Schemas["CreateBudgetRequest"];
export type ChangeBudget = Schemas["ChangeBudgetRequest"];

export type GlossaryEntry = Sent<Schemas["GlossaryEntryResponse"]>;
export type CreateGlossaryEntry = Schemas["CreateGlossaryEntryRequest"];
export type GlossaryLanguage = Schemas["GlossaryLanguage"];
export const GLOSSARY_LANGUAGES: readonly GlossaryLanguage[] = ["any", "en", "de"];

export type EmbeddingModel = Sent<Schemas["EmbeddingModelResponse"]>;
export type Embeddings = { serving: EmbeddingModel; building: EmbeddingModel | null };

/** The OpenAPI document describes the words in prose. */
export type Health = "up" | "probing" | "down";
export type Endpoint = Narrowed<Schemas["EndpointResponse"], { health: Health; max_classification: Classification }>;
export type Model = Narrowed<Schemas["ModelResponse"], { kind: "chat" | "embedding"; tiers: Tier[] }>;
export type Models = Narrowed<Schemas["ModelsResponse"], { prefer: "up" | "down" | "refuse"; models: Model[]; endpoints: Endpoint[] }>;
export type Price = Model["price"];
export type RoutingSettings = Sent<Schemas["RoutingSettings"]>;

/** What became of a model in a choice. */
export type Fate =
  | { fate: "chosen" | "reserve" | "policy_denied" | "no_budget" | "other_tier" | "not_asked" }
  | { fate: "label_denied"; why: string }
  | { fate: "too_long"; context_tokens: number }
  | { fate: "cannot_do"; what: "tools" | "json_schema" | "images" | "logprobs" };
/** A model in a choice; `most_micros` is the most that the call would have cost there. */
export type Candidate = Fate & { model: string; tiers: Tier[]; most_micros: number };

export interface Feature {
  /** A word of English; the dictionary has its translation. */
  name: string;
  value: number;
  /** About how far it moved the score, up or down. */
  contribution: number;
}

/** How much model a request deserves, and what weighed most. */
export interface Judged {
  score: number;
  light_below: number;
  heavy_from: number;
  features: { task: string; language: string; features: Feature[] } | null;
}

export type Estimate = Narrowed<
  Schemas["EstimateResponse"],
  { tier: Tier; features: Judged["features"]; candidates: (Omit<Sent<Schemas["CandidateResponse"]>, "fate" | "tiers"> & { fate: Fate; tiers: Tier[] })[] }
>;

export interface FailedAttempt {
  model: string;
  endpoint: string;
  reason: string;
}

/** The way that a request went, as it is kept with the step of a run. */
export interface Route {
  reason: "complexity" | "tier_asked" | "model_asked" | "escalated";
  tier: Tier;
  judged?: Judged;
  input_tokens: number;
  output_tokens: number;
  candidates: Candidate[];
  model: string;
  endpoint: string;
  provider: string;
  failed: FailedAttempt[];
  waited_ms: number;
  cached: boolean;
}

/** A place in the line before a model. */
export interface Place {
  position: number;
  estimate_ms: number;
}

export const USAGE_GROUPS: readonly UsageGroup[] = ["day", "model", "user", "agent", "api_key", "run"];
export const SUBJECT_KINDS: readonly SubjectKind[] = ["tenant", "user", "api_key", "agent", "task"];
export const BUDGET_PERIODS: readonly BudgetPeriod[] = ["hour", "day", "month"];
export const BUDGET_UNITS: readonly BudgetUnit[] = ["money", "tokens"];
