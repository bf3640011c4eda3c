import type { UsageTotals } from "@/api/gateway-types";

export const USAGE_SORTS = ["key", "calls", "input_tokens", "output_tokens", "gpu_seconds", "cost_micros"] as const;
export type UsageSort = (typeof USAGE_SORTS)[number];

/** In the order of a column; what is equal there, in the order of the names. */
export function sortedBy(items: readonly UsageTotals[], sort: UsageSort, descending: boolean): UsageTotals[] {
  const name = (item: UsageTotals) => item.name ?? item.key;
  const byName = (a: UsageTotals, b: UsageTotals) => name(a).localeCompare(name(b));
  const sign = descending ? -1 : 1;
  return [...items].sort((a, b) => (sort === "key" ? sign * byName(a, b) : sign * (a[sort] - b[sort]) || byName(a, b)));
}

/** One entry for each day, also for those without a call. */
export function everyDay(items: readonly UsageTotals[], days: readonly string[]): UsageTotals[] {
  const known = new Map(items.map((item) => [item.key, item]));
  return days.map((key) => known.get(key) ?? { key, name: null, user_id: null, calls: 0, incomplete_calls: 0, input_tokens: 0, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0, gpu_seconds: 0, cost_micros: 0 });
}
