import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { ScrollText, SearchX } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { AuditEntry, ListPage } from "@/api/types";
import type { AuditSearch } from "@/app/search";
import { cx } from "@/lib/cx";
import { formatDateTimeSeconds, formatUtc } from "@/lib/format";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle, useIsWide } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { Sheet } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton } from "@/ui/parts";
import { AuditEntryPanel } from "./AuditEntryPanel";
import { AuditFilters } from "./AuditFilters";

const route = getRouteApi("/app/admin/audit");
const PAGE = 100;

type Filters = Omit<AuditSearch, "entry">;

function useAudit(filters: Filters) {
  // A day in the filter is a day here, not in Greenwich; the last day counts to its end.
  const from = filters.from === undefined ? undefined : new Date(`${filters.from}T00:00:00`).toISOString();
  const to = filters.to === undefined ? undefined : new Date(`${filters.to}T23:59:59.999`).toISOString();
  const { actor, action, resource_type, resource_id } = filters;
  return useInfiniteQuery({
    queryKey: ["audit", actor, action, resource_type, resource_id, from, to],
    queryFn: ({ pageParam, signal }) =>
      getJson<ListPage<AuditEntry>>("/admin/audit", { actor, action, resource_type, resource_id, from, to, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (previous) => previous,
  });
}

export function AuditPage() {
  const { t } = useTranslation();
  const { entry, ...filters }: AuditSearch = route.useSearch();
  const navigate = route.useNavigate();
  const wide = useIsWide();
  const list = useRef<HTMLDivElement>(null);
  const query = useAudit(filters);
  const entries = query.data?.pages.flatMap((page) => page.items) ?? [];
  const selected = entries.find((candidate) => candidate.id === entry);
  const show = (id: string | undefined) => void navigate({ search: (old) => ({ ...old, entry: id }), replace: entry !== undefined });
  useDocumentTitle(t("audit.title"));
  useHotkeys({
    j: () => moveRowFocus(list.current, 1),
    k: () => moveRowFocus(list.current, -1),
    ...(entry === undefined ? {} : { Escape: () => show(undefined) }),
  });
  const details = selected !== undefined && <AuditEntryPanel entry={selected} onClose={() => show(undefined)} />;
  return (
    <div className="flex h-full">
      <section className="@container flex min-w-0 flex-1 flex-col" aria-label={t("audit.title")}>
        <header className="shrink-0 px-4 py-3">
          <h1 className="text-lg font-semibold tracking-tight">{t("audit.title")}</h1>
          <p className="mb-3 text-ink-2">{t("audit.text")}</p>
          <AuditFilters entries={entries} />
        </header>
        <div ref={list} className="@container min-h-0 flex-1 overflow-y-auto">
          {query.isPending && <Skeletons />}
          {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="mx-4" />}
          {query.isSuccess && entries.length === 0 && <NoEntries filtered={Object.values<string | undefined>(filters).some((value) => value !== undefined)} />}
          {entries.length > 0 && <AuditTable entries={entries} current={entry} onOpen={show} />}
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
        details !== false && (
          <aside className="flex w-96 shrink-0 flex-col border-l border-line bg-sunken" aria-label={t("audit.entry")}>
            {details}
          </aside>
        )
      ) : (
        <Sheet side="right" open={selected !== undefined} onOpenChange={(open) => !open && show(undefined)} title={t("audit.entry")}>
          {details}
        </Sheet>
      )}
    </div>
  );
}

function NoEntries({ filtered }: { filtered: boolean }) {
  const { t } = useTranslation();
  const navigate = route.useNavigate();
  if (!filtered) return <EmptyState icon={<ScrollText size={28} />} title={t("audit.none")} />;
  return (
    <EmptyState icon={<SearchX size={28} />} title={t("audit.noneFound")}>
      <Button onClick={() => void navigate({ search: {} })}>{t("common.clearFilters")}</Button>
    </EmptyState>
  );
}

interface AuditTableProps {
  entries: AuditEntry[];
  current: string | undefined;
  onOpen: (id: string) => void;
}

function AuditTable({ entries, current, onOpen }: AuditTableProps) {
  const { t } = useTranslation();
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("audit.title")}</caption>
      <thead className="sticky top-0 z-10">
        <tr>
          <th scope="col" className="cell-head hidden w-20 pl-4 text-right @2xl:table-cell">
            {t("audit.sequence")}
          </th>
          <th scope="col" className="cell-head w-48 pl-4">
            {t("audit.time")}
          </th>
          <th scope="col" className="cell-head">
            {t("audit.action")}
          </th>
          <th scope="col" className="cell-head hidden @xl:table-cell">
            {t("audit.actor")}
          </th>
          <th scope="col" className="cell-head hidden pr-4 @3xl:table-cell">
            {t("audit.resource")}
          </th>
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {entries.map((entry) => (
          <tr key={entry.id} className={cx(entry.id === current ? "bg-accent-soft" : "hover:bg-hover")} data-testid="audit-row">
            <td className="cell hidden pl-4 text-right text-ink-2 @2xl:table-cell">
              {entry.sequence ?? <span title={t("audit.unsealed")}>–</span>}
            </td>
            <td className="cell truncate pl-4 text-ink-2">
              <time dateTime={entry.occurred_at} title={formatUtc(entry.occurred_at)}>
                {formatDateTimeSeconds(entry.occurred_at)}
              </time>
            </td>
            <td className="cell truncate">
              <button
                type="button"
                data-row=""
                data-selected={entry.id === current}
                onClick={() => onOpen(entry.id)}
                className="block w-full truncate py-1 text-left font-mono text-sm hover:text-accent touch:py-3"
              >
                {entry.action}
              </button>
            </td>
            <td className="cell hidden truncate @xl:table-cell">{entry.actor_name ?? <code className="font-mono text-sm">{entry.actor}</code>}</td>
            <td className="cell hidden truncate pr-4 font-mono text-sm text-ink-2 @3xl:table-cell">{entry.resource_id}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Skeletons() {
  return (
    <div className="px-4" aria-busy="true">
      {["w-40", "w-52", "w-36", "w-48", "w-44", "w-56", "w-40", "w-52"].map((width, index) => (
        <div key={index} className="flex h-8 items-center gap-6 border-b border-line">
          <Skeleton className="h-3.5 w-32" />
          <Skeleton className={`h-3.5 ${width}`} />
        </div>
      ))}
    </div>
  );
}
