import { useQueries, useQuery, type QueryClient } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { Budget } from "@/api/gateway-types";
import type { AdminUser, ApiKey } from "@/api/identity-types";
import type { ListPage } from "@/api/types";
import { keysKey, userPath } from "../users/queries";

export const BUDGETS_KEY = ["budgets"] as const;
export const BUDGETS_PATH = "/admin/budgets";
const OFFERED = 50;

/** Budgets are also shown beside the usage of those whom they bind. */
export async function invalidateBudgets(client: QueryClient): Promise<void> {
  await Promise.all([client.invalidateQueries({ queryKey: BUDGETS_KEY }), client.invalidateQueries({ queryKey: ["usage", "budgets"] })]);
}

/** The names of the people whom budgets name by id. What is not known is left out. */
export function useNames(budgets: readonly Budget[], enabled: boolean): ReadonlyMap<string, string> {
  const named = budgets.filter(({ subject_kind }) => subject_kind === "user").flatMap(({ subject_id, current }) => [subject_id, current.subject]);
  const ids = [...new Set(named.filter((id) => id !== null))];
  return useQueries({
    queries: ids.map((id) => ({ queryKey: ["users", "one", id], queryFn: ({ signal }: { signal: AbortSignal }) => getJson<AdminUser>(userPath(id), undefined, signal), staleTime: 60_000, enabled })),
    combine: (results) => new Map(results.flatMap(({ data }) => (data === undefined ? [] : [[data.id, data.display_name]]))),
  });
}

/** The people whose name or address holds `q`. */
export function usePeople(q: string) {
  return useQuery({
    queryKey: ["users", "offered", q],
    queryFn: async ({ signal }) => (await getJson<ListPage<AdminUser>>("/admin/users", { q, limit: OFFERED }, signal)).items,
    placeholderData: (previous) => previous,
  });
}

/** The keys of an account that still work. */
export function useKeysOf(user: string) {
  return useQuery({
    queryKey: [...keysKey(user), "offered"],
    queryFn: async ({ signal }) => {
      const { items } = await getJson<ListPage<ApiKey>>(`${userPath(user)}/api-keys`, { limit: OFFERED }, signal);
      return items.filter((key) => key.revoked_at === null);
    },
    enabled: user !== "",
  });
}
