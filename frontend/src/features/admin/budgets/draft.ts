import type { Budget, BudgetPeriod, BudgetUnit, CreateBudget, SubjectKind } from "@/api/gateway-types";
import { amountOf, amountText } from "@/lib/money";

/** A budget as it is edited. */
export interface BudgetDraft {
  name: string;
  kind: SubjectKind;
  /** Each of the kind has an allowance of its own, rather than one in particular. */
  each: boolean;
  subject: string;
  period: BudgetPeriod;
  unit: BudgetUnit;
  /** As it stands in the field of numbers: in the currency, or in tokens. */
  limit: string;
}

export const BLANK: BudgetDraft = { name: "", kind: "tenant", each: true, subject: "", period: "month", unit: "money", limit: "" };

export function draftOf({ name, subject_kind, subject_id, period, unit, limit }: Budget): BudgetDraft {
  return { name, kind: subject_kind, each: subject_id === null, subject: subject_id ?? "", period, unit, limit: amountText(limit, unit) };
}

/** What has to be put right before the server can be asked. */
export function missing({ kind, each, subject, unit, limit }: BudgetDraft): { subject: boolean; limit: boolean } {
  return { subject: kind !== "tenant" && !each && subject.trim() === "", limit: amountOf(limit, unit) === null };
}

/** The budget as the server takes it. */
export function requestOf({ name, kind, each, subject, period, unit, limit }: BudgetDraft): CreateBudget {
  const one = kind !== "tenant" && !each;
  return { name: name.trim(), subject_kind: kind, ...(one ? { subject_id: subject.trim() } : {}), period, unit, limit: amountOf(limit, unit) ?? 0 };
}
