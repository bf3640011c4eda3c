import { useInfiniteQuery, useQuery, type QueryClient } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { AdminUser, Role, UserKind, UserStatus } from "@/api/identity-types";
import type { ListPage } from "@/api/types";

const PAGE = 50;

export interface UserFilters {
  q?: string | undefined;
  role?: Role | undefined;
  status?: UserStatus | undefined;
  kind?: UserKind | undefined;
}

export function useUsers({ q, role, status, kind }: UserFilters) {
  return useInfiniteQuery({
    queryKey: ["users", "list", q, role, status, kind],
    queryFn: ({ pageParam, signal }) => getJson<ListPage<AdminUser>>("/admin/users", { q, role, status, kind, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (previous) => previous,
  });
}

export function useUser(id: string) {
  return useQuery({ queryKey: ["users", "one", id], queryFn: ({ signal }) => getJson<AdminUser>(userPath(id), undefined, signal) });
}

export function userPath(id: string): string {
  return `/admin/users/${id}`;
}

export function sessionsKey(id: string) {
  return ["users", "one", id, "sessions"] as const;
}

export function keysKey(id: string) {
  return ["users", "one", id, "api-keys"] as const;
}

/** Lists, counts and details all change together. */
export function invalidateUsers(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: ["users"] });
}

/** What a person may read, in the words of a label. */
export function clearanceOf(user: AdminUser) {
  return { classification: user.clearance, export_control: user.export_authorisations, groups: user.groups };
}
