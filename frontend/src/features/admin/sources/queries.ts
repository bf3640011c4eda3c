import { useQuery, type QueryClient } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { Source, SourceList } from "@/api/source-types";

const SOURCES_KEY = ["sources"] as const;
export const SOURCES_PATH = "/sources";
/** While a pass is under way or about to begin, and otherwise. */
const SOON_MS = 3000;
const LATER_MS = 10_000;

export function isBusy(source: Source): boolean {
  return [source.contents, source.permissions].some((clock) => clock !== null && (clock.running || Date.parse(clock.due_at ?? "") <= Date.now()));
}

/** All watched folders, followed while something happens to them. */
export function useSources() {
  return useQuery({
    queryKey: SOURCES_KEY,
    queryFn: ({ signal }) => getJson<SourceList>(SOURCES_PATH, {}, signal),
    refetchInterval: (query) => (query.state.data?.items.some(isBusy) === true ? SOON_MS : LATER_MS),
  });
}

export async function invalidateSources(client: QueryClient): Promise<void> {
  await client.invalidateQueries({ queryKey: SOURCES_KEY });
}
