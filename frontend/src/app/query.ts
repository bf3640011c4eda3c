import { QueryClient } from "@tanstack/react-query";
import { Problem, UNREACHABLE } from "@/api/problem";

const RETRIES = 2;

/** A refusal is an answer and is not asked for again; a lost connection or an overloaded server is. */
function isWorthRetrying(failures: number, error: Error): boolean {
  if (failures >= RETRIES || !(error instanceof Problem)) return false;
  // An empty budget stays empty for longer than anybody waits.
  if (error.code === "budget_exceeded") return false;
  return error.code === UNREACHABLE || error.status === 429 || error.status >= 502;
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 15_000, retry: isWorthRetrying, refetchOnWindowFocus: true },
    mutations: { retry: false },
  },
});
