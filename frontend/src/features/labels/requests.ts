import { useInfiniteQuery, useQuery, type QueryClient } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { LabelRequest, LabelRequestStatus, ListPage } from "@/api/types";

const KEY = "label-requests";
const PAGE = 50;

export function useLabelRequests(status: LabelRequestStatus | undefined) {
  return useInfiniteQuery({
    queryKey: [KEY, "list", status ?? ""],
    queryFn: ({ pageParam, signal }) => getJson<ListPage<LabelRequest>>("/label-requests", { status, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (previous) => previous,
  });
}

/** The request that waits for a decision on a document; there is at most one. */
export function usePendingRequest(documentId: string, enabled: boolean): LabelRequest | undefined {
  const query = useQuery({
    queryKey: [KEY, "pending"],
    queryFn: ({ signal }) => getJson<ListPage<LabelRequest>>("/label-requests", { status: "pending", limit: 200 }, signal),
    enabled,
  });
  return query.data?.items.find((request) => request.document_id === documentId);
}

/** A decision changes the request and the document, wherever they are shown. */
export function invalidateLabels(client: QueryClient, documentId: string): void {
  void client.invalidateQueries({ queryKey: [KEY] });
  void client.invalidateQueries({ queryKey: ["document", documentId] });
  void client.invalidateQueries({ queryKey: ["documents"] });
}
