import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Chunk, ListPage } from "@/api/types";
import { formatNumber } from "@/lib/format";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton } from "@/ui/parts";

const PAGE = 50;

/** The passages a version was cut into, as search sees them. */
export function Passages({ documentId, version }: { documentId: string; version: number }) {
  const { t } = useTranslation();
  const list = useRef<HTMLOListElement>(null);
  const query = useInfiniteQuery({
    queryKey: ["chunks", documentId, version],
    queryFn: ({ pageParam, signal }) =>
      getJson<ListPage<Chunk>>(`/documents/${documentId}/chunks`, { version, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
  if (query.isPending) {
    return (
      <div className="space-y-4 p-4" aria-busy="true">
        {["w-full", "w-11/12", "w-4/5", "w-10/12"].map((width) => (
          <Skeleton key={width} className={`h-12 ${width}`} />
        ))}
      </div>
    );
  }
  if (query.isError) return <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="m-4" />;
  const chunks = query.data.pages.flatMap((page) => page.items);
  if (chunks.length === 0) return <p className="p-6 text-center text-ink-3">{t("documents.noPassages")}</p>;
  return (
    <>
      <ol ref={list} className="divide-y divide-line">
        {chunks.map((chunk) => (
          <Passage key={chunk.id} chunk={chunk} documentId={documentId} version={version} />
        ))}
      </ol>
      {query.hasNextPage && (
        <div className="p-4 text-center">
          <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t("common.more")}
          </Button>
        </div>
      )}
    </>
  );
}

function Passage({ chunk, documentId, version }: { chunk: Chunk; documentId: string; version: number }) {
  const { t } = useTranslation();
  return (
    <li className="@container px-4 py-3">
      <p className="mb-1 flex flex-wrap items-center gap-x-3 text-xs text-ink-3 tabular-nums">
        <span className="font-medium text-ink-2">#{formatNumber(chunk.ordinal + 1)}</span>
        {chunk.page !== null && <span>{t("source.page", { page: chunk.page })}</span>}
        <span>{t("documents.tokens", { count: chunk.token_count })}</span>
        {chunk.heading_path.length > 0 && (
          <span className="order-last w-full min-w-0 truncate @2xl:order-none @2xl:w-auto @2xl:flex-1">{chunk.heading_path.join(" › ")}</span>
        )}
        <Link
          from="/documents/{-$documentId}"
          to="/documents/{-$documentId}"
          params={{ documentId }}
          search={(old) => ({ ...old, tab: "text", version, page: chunk.page ?? 1, start: chunk.char_start, end: chunk.char_end })}
          className="ml-auto text-accent underline-offset-2 hover:underline touch:py-2"
        >
          {t("documents.inText")}
        </Link>
      </p>
      <p className="line-clamp-6 max-w-[75ch] whitespace-pre-line text-ink-2">{chunk.text}</p>
    </li>
  );
}
