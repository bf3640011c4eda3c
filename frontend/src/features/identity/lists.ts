import { useInfiniteQuery } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { ListPage } from "@/api/types";

const PAGE = 50;

/** A list in pages, flat; with what of it is asked for. */
export function usePages<T>(path: string, queryKey: readonly unknown[], filter: Record<string, string | undefined> = {}) {
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => getJson<ListPage<T>>(path, { ...filter, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
  return { ...query, items: query.data?.pages.flatMap((page) => page.items) ?? [] };
}
