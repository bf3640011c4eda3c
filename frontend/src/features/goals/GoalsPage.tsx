import { Link, useNavigate } from "@tanstack/react-router";
import { Plus, Target } from "lucide-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import type { GoalSummary } from "@/api/goal-types";
import { asProblem } from "@/api/problem";
import type { ListPage } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatNumber } from "@/lib/format";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton, Time } from "@/ui/parts";
import { pollAfter } from "./model/poll";
import { GoalState } from "./parts";
import { GOALS_KEY, hasEnded } from "./queries";
import "./texts";

const PAGE = 50;

export function GoalsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const list = useRef<HTMLDivElement>(null);
  const query = useInfiniteQuery({
    queryKey: GOALS_KEY,
    queryFn: ({ pageParam, signal }) => getJson<ListPage<GoalSummary>>("/goals", { limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: ({ state }) => pollAfter(state.data?.pages.flatMap((page) => page.items) ?? []),
  });
  const goals = query.data?.pages.flatMap((page) => page.items) ?? [];
  const begin = () => void navigate({ to: "/goals/new" });
  useDocumentTitle(t("goals.title"));
  useHotkeys({ n: begin, j: () => moveRowFocus(list.current, 1), k: () => moveRowFocus(list.current, -1) });
  return (
    <section className="flex h-full flex-col" aria-label={t("goals.title")}>
      <header className="flex shrink-0 flex-wrap items-start justify-between gap-x-4 gap-y-2 px-4 pt-3 pb-2">
        <div className="min-w-0 flex-1 basis-64">
          <h1 className="text-lg font-semibold tracking-tight">{t("goals.title")}</h1>
          <p className="max-w-[75ch] text-ink-2">{t("goals.text")}</p>
        </div>
        {goals.length > 0 && (
          <Button kind="primary" onClick={begin}>
            <Plus size={14} aria-hidden="true" />
            {t("goals.new")}
          </Button>
        )}
      </header>
      <div ref={list} className="@container min-h-0 flex-1 overflow-y-auto">
        {query.isPending && <TableSkeleton />}
        {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="mx-4 mb-3" />}
        {query.isSuccess && goals.length === 0 && (
          <EmptyState icon={<Target size={28} />} title={t("goals.none")} text={t("goals.noneText")}>
            <Button kind="primary" onClick={begin}>
              <Plus size={14} aria-hidden="true" />
              {t("goals.beginOne")}
            </Button>
          </EmptyState>
        )}
        {goals.length > 0 && <GoalTable goals={goals} />}
        {query.hasNextPage && (
          <div className="p-4 text-center">
            <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
              {t("common.more")}
            </Button>
          </div>
        )}
      </div>
    </section>
  );
}

function GoalTable({ goals }: { goals: GoalSummary[] }) {
  const { t } = useTranslation();
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("goals.title")}</caption>
      <thead className="sticky top-0 z-10">
        <tr>
          <th scope="col" className="cell-head pl-4">
            {t("goals.goal")}
          </th>
          <th scope="col" className="cell-head w-40 @2xl:w-48">
            {t("goals.statusColumn")}
          </th>
          <th scope="col" className="cell-head hidden w-52 @2xl:table-cell">
            {t("goals.stepsColumn")}
          </th>
          <th scope="col" className="cell-head hidden w-28 pr-4 @xl:table-cell">
            {t("goals.begun")}
          </th>
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {goals.map((goal) => (
          <Row key={goal.id} goal={goal} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ goal }: { goal: GoalSummary }) {
  const { t } = useTranslation();
  const { id, title, status, steps, steps_done, steps_waiting } = goal;
  const waits = !hasEnded(status) && (status === "proposed" || steps_waiting > 0);
  return (
    <tr className="hover:bg-hover" data-testid="goal-row" data-status={status} data-waits={waits}>
      <td className={cx("cell pl-4", waits && "shadow-[inset_4px_0_var(--class-confidential)]")}>
        <Link to="/goals/$goalId" params={{ goalId: id }} data-row="" title={title} className="block truncate py-1 font-medium hover:text-accent touch:py-3">
          {title}
        </Link>
        <p className="-mt-1 pb-1.5 text-sm text-ink-2 @2xl:hidden touch:-mt-3 touch:pb-2.5">
          {steps === 0 ? t("goals.noPlanYet") : t("goals.stepsDone", { done: formatNumber(steps_done), all: formatNumber(steps) })}
        </p>
      </td>
      <td className="cell">
        <GoalState status={status} waits={waits} className={cx("text-sm", waits && "font-semibold")} />
      </td>
      <td className="cell hidden @2xl:table-cell">
        <Progress done={steps_done} all={steps} />
      </td>
      <td className="cell hidden pr-4 text-ink-2 @xl:table-cell">
        <Time value={goal.created_at} />
      </td>
    </tr>
  );
}

/** How many steps have come about: a bar for the eye, and the numbers. */
function Progress({ done, all }: { done: number; all: number }) {
  const { t } = useTranslation();
  if (all === 0) return <span className="text-ink-3">{t("goals.noPlanYet")}</span>;
  return (
    <span className="flex items-center gap-2 text-ink-2">
      <span aria-hidden="true" className="h-1.5 w-16 shrink-0 overflow-hidden rounded-full bg-line">
        <span className="block h-full bg-accent" style={{ width: `${(done / all) * 100}%` }} />
      </span>
      {t("goals.stepsDone", { done: formatNumber(done), all: formatNumber(all) })}
    </span>
  );
}

function TableSkeleton() {
  return (
    <div className="px-4" aria-busy="true">
      {["w-64", "w-80", "w-56", "w-72", "w-60"].map((width) => (
        <div key={width} className="flex h-8 items-center gap-6 border-b border-line touch:h-11">
          <Skeleton className={`h-3.5 ${width}`} />
          <Skeleton className="h-3.5 w-24" />
          <Skeleton className="h-3.5 w-20" />
        </div>
      ))}
    </div>
  );
}
