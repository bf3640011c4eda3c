import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { FileText, SearchX, Upload, X } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Document, ListPage } from "@/api/types";
import { DOCUMENT_STATUSES } from "@/app/search";
import { cx } from "@/lib/cx";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle, useIsWide } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { Sheet } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { SearchField } from "@/ui/SearchField";
import { EmptyState, Select, Skeleton } from "@/ui/parts";
import { DocumentTable } from "./DocumentTable";
import { DropZone } from "./DropZone";
import { isWorking, useDocumentProgress } from "./progress";
import { UploadPanel } from "./UploadPanel";
import { onAccepted, uploads } from "./upload-queue";

const UploadDialog = lazy(() => import("./UploadDialog").then((module) => ({ default: module.UploadDialog })));
const DocumentPanel = lazy(() => import("./DocumentPanel").then((module) => ({ default: module.DocumentPanel })));
const route = getRouteApi("/app/documents/{-$documentId}");
const PAGE = 50;
const POLL_MS = 3000;

function useDocuments(q: string | undefined, status: string | undefined, tag: string | undefined) {
  return useInfiniteQuery({
    queryKey: ["documents", "list", q ?? "", status ?? "", tag ?? ""],
    queryFn: ({ pageParam, signal }) => getJson<ListPage<Document>>("/documents", { q, status, tag, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    // Documents in work beyond those followed live.
    refetchInterval: (query) => (query.state.data?.pages.some((page) => page.items.some(isWorking)) === true ? POLL_MS : false),
    placeholderData: (previous) => previous,
  });
}

export function DocumentsPage() {
  const { t } = useTranslation();
  const { documentId } = route.useParams();
  const { q, status, tag } = route.useSearch();
  const navigate = route.useNavigate();
  const client = useQueryClient();
  const wide = useIsWide();
  const mayWrite = useMay("documents:write");
  const [dropped, setDropped] = useState<File[] | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const query = useDocuments(q, status, tag);
  const documents = query.data?.pages.flatMap((page) => page.items) ?? [];
  const uploaded = useStore(uploads, (value) => value);
  useDocumentProgress([...uploaded.flatMap((item) => item.document ?? []), ...documents]);
  useDocumentTitle(t("documents.title"));
  useEffect(() => onAccepted(() => void client.invalidateQueries({ queryKey: ["documents"] })), [client]);

  const close = useCallback(
    () => void navigate({ params: { documentId: undefined }, search: (old) => ({ q: old.q, status: old.status, tag: old.tag }) }),
    [navigate],
  );
  useHotkeys({
    j: () => moveRowFocus(list.current, 1),
    k: () => moveRowFocus(list.current, -1),
    ...(mayWrite ? { u: () => setDropped([]) } : {}),
    ...(documentId === undefined ? {} : { Escape: close }),
  });
  const filtered = q !== undefined || status !== undefined || tag !== undefined;
  const panel = documentId !== undefined && (
    <Suspense fallback={<Skeleton className="m-4 h-64" />}>
      <DocumentPanel key={documentId} id={documentId} mayWrite={mayWrite} onClose={close} />
    </Suspense>
  );
  return (
    <div className="flex h-full">
      <section className={cx("flex min-w-0 flex-1 flex-col", wide && documentId !== undefined && "max-w-md xl:max-w-xl")} aria-label={t("documents.title")}>
        <header className="flex shrink-0 flex-wrap items-center gap-2 px-4 py-3">
          <h1 className="mr-auto text-lg font-semibold tracking-tight">{t("documents.title")}</h1>
          {mayWrite && (
            <Button kind="primary" onClick={() => setDropped([])}>
              <Upload size={14} aria-hidden="true" />
              {t("documents.upload")}
            </Button>
          )}
          <div className="flex w-full gap-2">
            <SearchField
              label={t("documents.find")}
              value={q ?? ""}
              onChange={(value) => void navigate({ search: (old) => ({ ...old, q: value === "" ? undefined : value }), replace: true })}
              className="min-w-0 max-w-md flex-1"
            />
            <Select
              label={t("documents.statusFilter")}
              value={status ?? ""}
              options={[
                { value: "", label: t("documents.anyStatus") },
                ...DOCUMENT_STATUSES.map((value) => ({ value, label: t(`documents.status.${value}`) })),
              ]}
              onChange={(value) => void navigate({ search: (old) => ({ ...old, status: value === "" ? undefined : value }), replace: true })}
            />
          </div>
          {tag !== undefined && (
            <Button
              kind="quiet"
              className="max-w-full px-2 text-sm"
              onClick={() => void navigate({ search: (old) => ({ ...old, tag: undefined }) })}
              data-testid="tag-filter"
            >
              <span className="min-w-0 truncate">{t("documents.withTag", { tag })}</span>
              <X size={14} aria-hidden="true" className="shrink-0" />
              <span className="sr-only">{t("common.clearFilters")}</span>
            </Button>
          )}
        </header>
        <UploadPanel />
        <div ref={list} className="@container min-h-0 flex-1 overflow-y-auto">
          {query.isPending && <TableSkeleton />}
          {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="mx-4" />}
          {query.isSuccess && documents.length === 0 && (filtered ? <NothingFound /> : <NoDocuments mayWrite={mayWrite} onUpload={() => setDropped([])} />)}
          {documents.length > 0 && <DocumentTable documents={documents} current={documentId} />}
          {query.hasNextPage && (
            <div className="p-4 text-center">
              <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t("common.more")}
              </Button>
            </div>
          )}
        </div>
      </section>
      {wide ? (
        panel !== false && (
          <aside className="flex min-w-0 flex-[1.6] flex-col border-l border-line" aria-label={t("documents.details")}>
            {panel}
          </aside>
        )
      ) : (
        <Sheet side="right" open={documentId !== undefined} onOpenChange={(open) => !open && close()} title={t("documents.details")}>
          {panel}
        </Sheet>
      )}
      {mayWrite && <DropZone onFiles={setDropped} />}
      {dropped !== null && (
        <Suspense>
          <UploadDialog initial={dropped} onClose={() => setDropped(null)} />
        </Suspense>
      )}
    </div>
  );
}

function NothingFound() {
  const { t } = useTranslation();
  const navigate = route.useNavigate();
  return (
    <EmptyState icon={<SearchX size={28} />} title={t("documents.noneFound")} text={t("documents.noneFoundText")}>
      <Button onClick={() => void navigate({ search: {} })}>{t("common.clearFilters")}</Button>
    </EmptyState>
  );
}

function NoDocuments({ mayWrite, onUpload }: { mayWrite: boolean; onUpload: () => void }) {
  const { t } = useTranslation();
  return (
    <EmptyState icon={<FileText size={28} />} title={t("documents.none")} text={t(mayWrite ? "documents.noneText" : "documents.noneViewer")}>
      {mayWrite && (
        <Button onClick={onUpload}>
          <Upload size={14} aria-hidden="true" />
          {t("documents.upload")}
        </Button>
      )}
    </EmptyState>
  );
}

function TableSkeleton() {
  return (
    <div className="px-4" aria-busy="true">
      {["w-48", "w-64", "w-40", "w-56", "w-52", "w-44"].map((width) => (
        <div key={width} className="flex h-8 items-center gap-6 border-b border-line touch:h-11">
          <Skeleton className={`h-3.5 ${width}`} />
          <Skeleton className="h-3.5 w-20" />
          <Skeleton className="h-3.5 w-16" />
        </div>
      ))}
    </div>
  );
}
