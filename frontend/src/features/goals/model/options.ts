import type { CreateGoal } from "@/api/goal-types";
import type { Classification, Tier } from "@/api/types";
import { endOfDay } from "@/lib/day";

/** What can be chosen for a goal beside its words and its plan, as it is typed; empty for what is usual. */
export interface GoalOptions {
  classification: Classification;
  tier: Tier | "AUTO";
  asOf: string;
  minutes: string;
  runs: string;
  tokens: string;
  /** In the currency. */
  cost: string;
}

export const NO_OPTIONS: GoalOptions = { classification: "INTERNAL", tier: "AUTO", asOf: "", minutes: "", runs: "", tokens: "", cost: "" };

export type LimitField = "minutes" | "runs" | "tokens" | "cost";

interface Limit {
  /** What the server calls it, and how many of its units make one of what is typed. */
  name: "seconds" | "runs" | "tokens" | "cost_micros";
  factor: number;
  from: number;
  to: number;
  /** What holds where nothing is typed. */
  usual: number | null;
}

export const LIMITS: Record<LimitField, Limit> = {
  minutes: { name: "seconds", factor: 60, from: 1, to: 10_080, usual: 60 },
  runs: { name: "runs", factor: 1, from: 1, to: 500, usual: 60 },
  tokens: { name: "tokens", factor: 1, from: 1_000, to: 1_000_000_000, usual: 2_000_000 },
  cost: { name: "cost_micros", factor: 1_000_000, from: 0.000_001, to: 1_000_000, usual: null },
};

export const LIMIT_FIELDS = ["minutes", "runs", "tokens", "cost"] as const satisfies readonly LimitField[];

/** Whether what was typed is no number that the server takes. Times and costs may have a fraction. */
export function isWrong(field: LimitField, typed: string): boolean {
  if (typed.trim() === "") return false;
  const { factor, from, to } = LIMITS[field];
  const value = Number(typed);
  return !(value >= from && value <= to) || !(factor > 1 || Number.isInteger(value));
}

/** The request's part that says so. */
export function optionsOf(options: GoalOptions): Pick<CreateGoal, "classification" | "tier" | "as_of" | "limits"> {
  const typed = LIMIT_FIELDS.filter((field) => options[field].trim() !== "");
  const asOf = endOfDay(options.asOf);
  return {
    classification: options.classification,
    ...(options.tier === "AUTO" ? {} : { tier: options.tier }),
    ...(asOf === null ? {} : { as_of: asOf }),
    ...(typed.length === 0
      ? {}
      : { limits: Object.fromEntries(typed.map((field) => [LIMITS[field].name, Math.round(Number(options[field]) * LIMITS[field].factor)])) }),
  };
}
