import { useQueryClient, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { send } from "@/api/client";
import { isAbort } from "@/api/problem";
import { readFrames } from "@/api/sse";
import type { Document, DocumentDetail, ListPage } from "@/api/types";
import { updateUploadedDocument } from "./upload-queue";

/** A browser opens six connections to a host that speaks HTTP/1.1; the rest must stay free for answers and requests. */
const MAX_STREAMS = 2;
const RETRY_MS = 2000;

export function isWorking(document: Document): boolean {
  return document.latest.status === "queued" || document.latest.status === "processing";
}

/** Follows the ingestion of the given documents live and puts their new state wherever it is shown. */
export function useDocumentProgress(documents: readonly Document[]): void {
  const client = useQueryClient();
  const ids = documents
    .filter(isWorking)
    .slice(0, MAX_STREAMS)
    .map((document) => document.id)
    .join(" ");
  useEffect(() => {
    if (ids === "") return;
    const abort = new AbortController();
    for (const id of ids.split(" ")) void follow(id, client, abort.signal);
    return () => abort.abort();
  }, [ids, client]);
}

async function follow(id: string, client: QueryClient, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await send(`/documents/${id}/events`, { headers: { accept: "text/event-stream" }, signal });
      for await (const frame of readFrames(response)) {
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- changes while the frame is awaited
        if (signal.aborted) return;
        if (frame.event !== "document") continue;
        const document = JSON.parse(frame.data) as Document;
        showEverywhere(document, client);
        if (!isWorking(document)) {
          // Versions, page counts and the list's filter may have changed with it.
          void client.invalidateQueries({ queryKey: ["document", id] });
          void client.invalidateQueries({ queryKey: ["documents"] });
          return;
        }
      }
    } catch (error) {
      if (isAbort(error)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function showEverywhere(document: Document, client: QueryClient): void {
  updateUploadedDocument(document);
  client.setQueriesData<InfiniteData<ListPage<Document>>>({ queryKey: ["documents", "list"] }, (data) =>
    data === undefined
      ? data
      : { ...data, pages: data.pages.map((page) => ({ ...page, items: page.items.map((item) => (item.id === document.id ? document : item)) })) },
  );
  client.setQueryData<DocumentDetail>(["document", document.id], (data) =>
    data === undefined
      ? data
      : { ...data, ...document, versions: data.versions.map((version) => (version.id === document.latest.id ? document.latest : version)) },
  );
}
