import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { FileQuestion, GitBranch } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { getJson, sendJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Run, RunFork, Tier } from "@/api/types";
import { Evidence } from "./Evidence";
import { Replay } from "./Replay";
import { Timeline } from "./Timeline";
import { AnsweredBy } from "@/features/agents/AnsweredBy";
import { StepList } from "@/features/chat/StepList";
import { problemOfMessage } from "@/features/chat/model/refusal";
import { agentOfRun, stepsOfRun } from "@/features/chat/model/run-steps";
import { formatDuration } from "@/lib/format";
import { useDocumentTitle } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { Copyable } from "@/ui/Copyable";
import { LabelChips } from "@/ui/LabelChips";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton, Status, Time, type Tone } from "@/ui/parts";

const route = getRouteApi("/app/runs/$runId");
const TONES: Record<Run["status"], Tone> = { running: "busy", finished: "accent", failed: "danger", cancelled: "neutral" };
const POLL_MS = 2000;

/** The trail of one run: each step with what it found, which model wrote and why that one. */
export function RunPage() {
  const { t } = useTranslation();
  const { runId } = route.useParams();
  const query = useQuery({
    queryKey: ["run", runId],
    queryFn: ({ signal }) => getJson<Run>(`/runs/${runId}`, undefined, signal),
    refetchInterval: ({ state }) => (state.data?.status === "running" ? POLL_MS : false),
  });
  useDocumentTitle(t("runs.title"));
  const problem = query.error === null ? null : asProblem(query.error);
  return (
    <div className="h-full overflow-y-auto">
      <div className="mx-auto max-w-3xl px-4 pt-3 pb-10">
        {query.isPending && (
          <div className="space-y-3" aria-busy="true">
            <Skeleton className="h-6 w-40" />
            <Skeleton className="h-24" />
            <Skeleton className="h-48" />
          </div>
        )}
        {problem !== null && (problem.status === 404 ? <EmptyState page icon={<FileQuestion size={28} />} title={t("runs.gone")} text={t("runs.goneText")} /> : <ProblemNotice problem={problem} onRetry={() => void query.refetch()} />)}
        {query.isSuccess && <Trail run={query.data} />}
      </div>
    </div>
  );
}

function Trail({ run }: { run: Run }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const agent = agentOfRun(run);
  const fork = useMutation({
    mutationFn: (step: number) => sendJson<RunFork>("POST", `/runs/${run.id}/fork`, { step }),
    onSuccess: ({ conversation_id }) => navigate({ to: "/chat/{-$conversationId}", params: { conversationId: conversation_id } }),
  });
  return (
    <>
      <header className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <div className="min-w-0">
          <h1 className="text-lg font-semibold tracking-tight">{t("runs.title")}</h1>
          <Copyable text={run.id} label={t("runs.title")} />
        </div>
        <Link
          to="/chat/{-$conversationId}"
          params={{ conversationId: run.conversation_id }}
          className="control rounded-md border border-line-strong px-3 font-medium hover:bg-hover"
        >
          {t("runs.toConversation")}
        </Link>
      </header>
      <dl className="mb-4 grid grid-cols-2 gap-x-6 gap-y-2 border-y border-line py-3 sm:grid-cols-4">
        <Fact name={t("runs.status")}>
          <Status tone={TONES[run.status]}>{t(`runs.states.${run.status}`)}</Status>
        </Fact>
        <Fact name={t("models.name")}>{[run.model, t(`tiers.${run.tier as Tier}`)].filter((part) => part !== "").join(" · ")}</Fact>
        <Fact name={t("runs.started")}>
          <Time value={run.created_at} long />
        </Fact>
        {run.finished_at !== null && <Fact name={t("runs.took")}>{formatDuration(Date.parse(run.finished_at) - Date.parse(run.created_at))}</Fact>}
      </dl>
      {agent !== null && <AnsweredBy agent={agent} />}
      {run.label !== null && <LabelChips label={run.label} className="mb-3" />}
      {run.error !== null && <ProblemNotice problem={problemOfMessage(run)} className="mb-3" />}
      {run.status !== "running" && (
        <>
          <Replay runId={run.id} />
          <Evidence runId={run.id} />
        </>
      )}
      {run.steps.length > 0 && <Timeline run={run} />}
      <h2 className="mb-2 text-md font-semibold">{t("runs.steps")}</h2>
      {fork.error !== null && <ProblemNotice problem={asProblem(fork.error)} className="mb-2" />}
      <StepList
        steps={stepsOfRun(run)}
        action={
          run.status === "running"
            ? undefined
            : (index) => run.steps[index]?.status === "finished" && (
                <Button kind="quiet" className="-mr-3 ml-auto text-sm" disabled={fork.isPending} onClick={() => fork.mutate(run.steps[index]?.number ?? 0)}>
                  <GitBranch size={14} aria-hidden="true" />
                  <span>
                    {t("runs.fork")}
                    <span className="sr-only"> {t("runs.forkFrom", { number: index + 1 })}</span>
                  </span>
                </Button>
              )
        }
      />
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="[overflow-wrap:anywhere]">{children}</dd>
    </div>
  );
}
