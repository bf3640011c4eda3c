import { useMutation, useQuery } from "@tanstack/react-query";
import { getJson, sendJson } from "@/api/client";
import type { Candidate, Embeddings, Estimate, Models } from "@/api/gateway-types";
import type { Classification } from "@/api/types";

const POLL_MS = 4000;

/** The models and their servers; looked at again while the page is in view. */
export function useModels({ enabled = true, once = false } = {}) {
  return useQuery({ queryKey: ["models"], queryFn: ({ signal }) => getJson<Models>("/models", undefined, signal), enabled, refetchInterval: once ? false : POLL_MS });
}

/** What makes vectors, and how far it has come; looked at again while the page is in view. */
export function useEmbeddings() {
  return useQuery({ queryKey: ["embeddings"], queryFn: ({ signal }) => getJson<Embeddings>("/admin/embeddings", undefined, signal), refetchInterval: POLL_MS });
}

export interface EstimateQuestion {
  prompt: string;
  classification: Classification;
}

/** Where a prompt would go, and what it would cost at most. */
export function useEstimate() {
  return useMutation({ mutationFn: (question: EstimateQuestion) => sendJson<Estimate>("POST", "/usage/estimate", question) });
}

/** The candidates in the form in which a route carries them. */
export function candidatesOf(estimate: Estimate): Candidate[] {
  return estimate.candidates.map(({ fate, ...candidate }) => ({ ...candidate, ...fate }));
}
