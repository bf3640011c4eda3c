import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { ListChecks, RotateCw } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { getJson, send } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Job, ListPage } from "@/api/types";
import { JOB_STATUSES } from "@/app/search";
import { formatNumber } from "@/lib/format";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { Button } from "@/ui/Button";
import { Copyable } from "@/ui/Copyable";
import { Dialog } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Select, Skeleton, Status, Time, type Tone } from "@/ui/parts";

const route = getRouteApi("/app/admin/jobs");
const PAGE = 50;
const POLL_MS = 5000;

const TONES: Record<Job["status"], Tone> = { queued: "neutral", running: "busy", succeeded: "accent", dead: "danger" };

export function JobsPage() {
  const { t } = useTranslation();
  const { status } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useRef<HTMLDivElement>(null);
  const query = useInfiniteQuery({
    queryKey: ["jobs", status ?? ""],
    queryFn: ({ pageParam, signal }) => getJson<ListPage<Job>>("/admin/jobs", { status, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: POLL_MS,
    placeholderData: (previous) => previous,
  });
  const jobs = query.data?.pages.flatMap((page) => page.items) ?? [];
  useDocumentTitle(t("jobs.title"));
  useHotkeys({ j: () => moveRowFocus(list.current, 1), k: () => moveRowFocus(list.current, -1) });
  return (
    <section className="flex h-full flex-col" aria-label={t("jobs.title")}>
      <header className="flex shrink-0 flex-wrap items-end justify-between gap-2 px-4 py-3">
        <div>
          <h1 className="text-lg font-semibold tracking-tight">{t("jobs.title")}</h1>
          <p className="text-ink-2">{t("jobs.text")}</p>
        </div>
        <Select
          label={t("jobs.statusFilter")}
          value={status ?? ""}
          options={[{ value: "", label: t("documents.anyStatus") }, ...JOB_STATUSES.map((value) => ({ value, label: t(`jobs.status.${value}`) }))]}
          onChange={(value) => void navigate({ search: { status: value === "" ? undefined : value }, replace: true })}
        />
      </header>
      <div ref={list} className="@container min-h-0 flex-1 overflow-y-auto">
        {query.isPending && (
          <div className="space-y-2 px-4" aria-busy="true">
            {["w-full", "w-11/12", "w-full", "w-10/12"].map((width, index) => (
              <Skeleton key={index} className={`h-8 ${width}`} />
            ))}
          </div>
        )}
        {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="mx-4" />}
        {query.isSuccess && jobs.length === 0 && (
          <EmptyState icon={<ListChecks size={28} />} title={t(status === undefined ? "jobs.none" : "jobs.noneFound")} />
        )}
        {jobs.length > 0 && <JobTable jobs={jobs} />}
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

function JobTable({ jobs }: { jobs: Job[] }) {
  const { t } = useTranslation();
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("jobs.title")}</caption>
      <thead className="sticky top-0 z-10">
        <tr>
          <th scope="col" className="cell-head pl-4">
            {t("jobs.kind")}
          </th>
          <th scope="col" className="cell-head w-40">
            {t("documents.statusColumn")}
          </th>
          <th scope="col" className="cell-head hidden w-28 text-right @xl:table-cell">
            {t("jobs.attempts")}
          </th>
          <th scope="col" className="cell-head hidden w-64 @5xl:table-cell">
            {t("jobs.resource")}
          </th>
          <th scope="col" className="cell-head hidden w-48 @2xl:table-cell">
            {t("jobs.created")}
          </th>
          <th scope="col" className="cell-head hidden w-48 pr-4 @3xl:table-cell">
            {t("jobs.finished")}
          </th>
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {jobs.map((job) => (
          <JobRow key={job.id} job={job} />
        ))}
      </tbody>
    </table>
  );
}

function JobRow({ job }: { job: Job }) {
  const { t } = useTranslation();
  const mayRetry = useMay("jobs:manage");
  return (
    <tr className="hover:bg-hover" data-testid="job-row" tabIndex={-1} data-row="">
      <td className="cell py-1 pl-4">
        <p className="truncate font-mono text-sm">{job.kind}</p>
        {job.last_error !== null && <p className="text-sm [overflow-wrap:anywhere] text-ink-2">{job.last_error}</p>}
      </td>
      <td className="cell py-1">
        <Status tone={TONES[job.status]}>{t(`jobs.status.${job.status}`)}</Status>
        {job.status === "dead" && mayRetry && <RetryButton job={job} />}
      </td>
      <td className="cell hidden text-right text-ink-2 @xl:table-cell">
        {t("jobs.attemptsOf", { attempts: formatNumber(job.attempts), max: formatNumber(job.max_attempts) })}
      </td>
      <td className="cell hidden truncate @5xl:table-cell">
        {job.resource_id !== null && <Copyable text={job.resource_id} label={t("jobs.resource")} />}
      </td>
      <td className="cell hidden text-ink-2 @2xl:table-cell">
        <Time value={job.created_at} long />
      </td>
      <td className="cell hidden pr-4 text-ink-2 @3xl:table-cell">{job.finished_at === null ? "–" : <Time value={job.finished_at} long />}</td>
    </tr>
  );
}

function RetryButton({ job }: { job: Job }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const retry = useMutation({
    mutationFn: () => send(`/admin/jobs/${job.id}/retry`, { method: "POST" }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["jobs"] }),
  });
  return (
    <>
      <Button className="mt-1 flex" disabled={retry.isPending} onClick={() => retry.mutate()}>
        <RotateCw size={14} aria-hidden="true" />
        {t("common.retry")}
      </Button>
      {retry.error !== null && (
        <Dialog open onOpenChange={() => retry.reset()} title={t("common.retry")}>
          <ProblemNotice problem={asProblem(retry.error)} />
        </Dialog>
      )}
    </>
  );
}
