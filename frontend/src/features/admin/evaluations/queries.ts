import { useInfiniteQuery, useQuery, type QueryClient } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { Evaluation, EvaluationComparison, EvaluationDetail, EvaluationStatus, EvaluationSuite, EvaluationSuiteSummary } from "@/api/evaluation-types";
import type { ListPage } from "@/api/types";

const KEY = ["evaluations"] as const;
export const SUITES_PATH = "/evaluation-suites";
export const EVALUATIONS_PATH = "/evaluations";
const PAGE = 50;
/** How often one that is under way is looked at: all of it comes each time, so the longer it is the less often. */
const LOOK_MS = 1_000;
const LOOK_A_CASE_MS = 20;
const HISTORY_MS = 3_000;

export function hasEnded(status: EvaluationStatus): boolean {
  return status === "finished" || status === "failed" || status === "cancelled";
}

/** Suites, newest first. */
export function useSuites() {
  return useInfiniteQuery({
    queryKey: [...KEY, "suites"],
    queryFn: ({ pageParam, signal }) => getJson<ListPage<EvaluationSuiteSummary>>(SUITES_PATH, { limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function useSuite(id: string) {
  return useQuery({ queryKey: [...KEY, "suite", id], queryFn: ({ signal }) => getJson<EvaluationSuite>(`${SUITES_PATH}/${id}`, {}, signal) });
}

/** The evaluations of a suite, newest first; looked at again while one is under way. */
export function useHistory(suite: string) {
  return useInfiniteQuery({
    queryKey: [...KEY, "of", suite],
    queryFn: ({ pageParam, signal }) => getJson<ListPage<Evaluation>>(EVALUATIONS_PATH, { suite_id: suite, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.items.some(({ status }) => !hasEnded(status))) === true ? HISTORY_MS : false),
  });
}

export function useEvaluation(id: string) {
  return useQuery({
    queryKey: [...KEY, "one", id],
    queryFn: ({ signal }) => getJson<EvaluationDetail>(`${EVALUATIONS_PATH}/${id}`, {}, signal),
    refetchInterval: ({ state }) => (state.data !== undefined && !hasEnded(state.data.status) ? Math.max(LOOK_MS, state.data.items.length * LOOK_A_CASE_MS) : false),
  });
}

/** `with` empty: the one that the service would take. */
export function useComparison(id: string, other: string, enabled: boolean) {
  return useQuery({
    queryKey: [...KEY, "comparison", id, other],
    queryFn: ({ signal }) => getJson<EvaluationComparison>(`${EVALUATIONS_PATH}/${id}/comparison`, { with: other }, signal),
    enabled,
  });
}

export async function invalidateEvaluations(client: QueryClient): Promise<void> {
  await client.invalidateQueries({ queryKey: KEY });
}
