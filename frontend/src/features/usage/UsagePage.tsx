import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ChartColumn, Download } from "lucide-react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import { asProblem } from "@/api/problem";
import { useDocumentTitle } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { USUAL_PERIOD, dayOf, daysOf, spanOf, type Span } from "@/lib/period";
import { saveFile } from "@/lib/save-file";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton } from "@/ui/parts";
import { Charts } from "./Charts";
import { OwnBudgets } from "./OwnBudgets";
import { PeriodPicker } from "./PeriodPicker";
import { useDays } from "./queries";
import { everyDay } from "./sort";
import { Tiles } from "./Tiles";
import { UsageTable } from "./UsageTable";
import "./texts";

const route = getRouteApi("/app/usage");

/** What models were used for: one's own use, or the whole company's for those who may see it. */
export function UsagePage() {
  const { t } = useTranslation();
  const { period = USUAL_PERIOD, from, to } = route.useSearch();
  const seesAll = useMay("budgets:read");
  const now = useToday();
  const span = spanOf(period, { from, to }, now);
  const query = useDays(span);
  useDocumentTitle(t("usage.title"));
  const empty = query.isSuccess && query.data.total.calls === 0;
  return (
    <div className="@container h-full overflow-y-auto">
      <div className="@container px-4 pt-3 pb-10">
        <header className="mb-4 flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
          <div>
            <h1 className="text-lg font-semibold tracking-tight">{t("usage.title")}</h1>
            <p className="max-w-[75ch] text-ink-2">{t(seesAll ? "usage.text" : "usage.ownText")}</p>
          </div>
          <div className="flex flex-wrap items-start gap-2">
            <PeriodPicker span={span} />
            <ExportButton span={span} disabled={!query.isSuccess || empty} />
          </div>
        </header>
        <div className="grid grid-cols-1 gap-x-8 gap-y-6 @5xl:grid-cols-[minmax(0,1fr)_20rem]">
          <div className="@container min-w-0 space-y-6">
            {query.isPending && <Loading />}
            {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
            {empty && <NothingUsed />}
            {query.isSuccess && !empty && (
              <>
                <Tiles total={query.data.total} currency={query.data.currency} />
                <Charts days={everyDay(query.data.days, daysOf(span))} currency={query.data.currency} />
              </>
            )}
          </div>
          <aside className="min-w-0 @5xl:col-start-2 @5xl:row-span-2 @5xl:row-start-1" aria-label={t("usage.budgets")}>
            <OwnBudgets />
          </aside>
          {query.isSuccess && !empty && (
            <div className="@container min-w-0">
              <UsageTable span={span} total={query.data.total} currency={query.data.currency} />
            </div>
          )}
        </div>
      </div>
    </div>
  );
}

/** The present day; the same number all day long, so that what hangs on it is not computed anew. */
function useToday(): number {
  return Date.parse(`${dayOf(Date.now())}T00:00:00Z`);
}

function Loading() {
  return (
    <div className="space-y-6" aria-busy="true">
      <Skeleton className="h-16" />
      <div className="grid grid-cols-1 gap-6 @3xl:grid-cols-2">
        <Skeleton className="h-52" />
        <Skeleton className="h-52" />
      </div>
      <Skeleton className="h-40" />
    </div>
  );
}

function NothingUsed() {
  const { t } = useTranslation();
  const mayChat = useMay("chat:use");
  const { period = USUAL_PERIOD } = route.useSearch();
  const usual = period === USUAL_PERIOD;
  return (
    <div className="rounded-lg border border-line" data-testid="usage-none">
      <EmptyState icon={<ChartColumn size={28} />} title={t(usual ? "usage.noneEver" : "usage.none")} text={t(usual ? "usage.noneEverText" : "usage.noneText")}>
        {mayChat && (
          <Link to="/chat/{-$conversationId}" params={{}} className="control rounded-md border border-line-strong px-3 font-medium hover:bg-hover">
            {t("usage.toChat")}
          </Link>
        )}
      </EmptyState>
    </div>
  );
}

function ExportButton({ span, disabled }: { span: Span; disabled: boolean }) {
  const { t } = useTranslation();
  const save = useMutation({
    mutationFn: async () => {
      const response = await send("/usage/export", { query: { from: span.from, to: span.to } });
      saveFile(await response.blob(), `usage-${span.from.slice(0, 10)}-${dayOf(Date.parse(span.to) - 1)}.csv`);
    },
  });
  return (
    <div>
      <Button disabled={disabled || save.isPending} onClick={() => save.mutate()}>
        <Download size={14} aria-hidden="true" />
        {t("usage.export")}
      </Button>
      {save.error !== null && <ProblemNotice problem={asProblem(save.error)} className="mt-2" />}
    </div>
  );
}
