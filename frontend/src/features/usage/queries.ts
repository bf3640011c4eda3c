import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { Budget, OwnBudgets, Usage, UsageGroup, UsageTotals } from "@/api/gateway-types";
import type { Span } from "@/lib/period";

export const USAGE_KEY = ["usage"] as const;
const PAGE = 200;

/** Sums by day, all days of the time, with the total over it. */
export function useDays({ from, to }: Span) {
  return useQuery({
    queryKey: [...USAGE_KEY, "days", from, to],
    queryFn: async ({ signal }) => {
      const first = await getJson<Usage>("/usage", { from, to, group_by: "day", limit: PAGE }, signal);
      const items = [...first.items];
      for (let cursor = first.next_cursor; cursor !== null;) {
        const page = await getJson<Usage>("/usage", { from, to, group_by: "day", limit: PAGE, cursor }, signal);
        items.push(...page.items);
        cursor = page.next_cursor;
      }
      return { currency: first.currency, total: first.total, days: items };
    },
    placeholderData: (previous) => previous,
  });
}

/** Sums by `group`, in pages. */
export function useGroups({ from, to }: Span, group: UsageGroup) {
  const query = useInfiniteQuery({
    queryKey: [...USAGE_KEY, "groups", group, from, to],
    queryFn: ({ pageParam, signal }) => getJson<Usage>("/usage", { from, to, group_by: group, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
  const items: UsageTotals[] = query.data?.pages.flatMap((page) => page.items) ?? [];
  return { ...query, items };
}

/** The budgets that bind the person, and the currency of the installation. */
export function useOwnBudgets(enabled = true) {
  return useQuery({
    queryKey: [...USAGE_KEY, "budgets"],
    queryFn: ({ signal }) => getJson<OwnBudgets>("/usage/budgets", undefined, signal),
    enabled,
  });
}

export type { Budget };
