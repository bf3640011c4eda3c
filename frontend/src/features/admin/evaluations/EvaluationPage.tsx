import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ChevronLeft, CircleStop, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { send, sendJson } from "@/api/client";
import type { EvaluationDetail } from "@/api/evaluation-types";
import { Problem, asProblem } from "@/api/problem";
import { formatDuration, formatNumber } from "@/lib/format";
import { useDocumentTitle } from "@/lib/hooks";
import { formatMoney } from "@/lib/money";
import { Button, IconButton } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton, Time } from "@/ui/parts";
import { Cases } from "./Cases";
import { Comparison } from "./Comparison";
import { EvaluationState, MEASURES, Progress, formatShare, useAgentName } from "./parts";
import { EVALUATIONS_PATH, hasEnded, invalidateEvaluations, useEvaluation } from "./queries";
import "./texts";

/** An evaluation: how far it is, its figures, what changed, and each case. */
export function EvaluationPage() {
  const { t } = useTranslation();
  const { evaluationId } = useParams({ from: "/app/admin/evaluations/$evaluationId" });
  const query = useEvaluation(evaluationId);
  useDocumentTitle(query.data?.suite_name ?? t("evaluations.title"));
  return (
    <div className="h-full overflow-y-auto">
      <div className="@container px-4 pt-2 pb-10">
        {query.isPending && <Skeleton className="h-8 w-64" />}
        {query.error !== null && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
        {query.data !== undefined && <Shown evaluation={query.data} />}
      </div>
    </div>
  );
}

function Shown({ evaluation }: { evaluation: EvaluationDetail }) {
  const { t } = useTranslation();
  const search = useSearch({ from: "/app/admin/evaluations/$evaluationId" });
  const agentName = useAgentName();
  const { error } = evaluation;
  return (
    <>
      <Link to="/admin/evaluations/suites/$suiteId" params={{ suiteId: evaluation.suite_id }} className="-ml-1 inline-flex h-7 items-center gap-1 rounded-sm px-1 text-sm text-ink-2 hover:text-ink touch:h-11">
        <ChevronLeft size={14} aria-hidden="true" />
        {evaluation.suite_name}
      </Link>
      <header className="mb-4 flex flex-wrap items-start justify-between gap-2">
        <div className="min-w-0">
          <h1 className="flex flex-wrap items-baseline gap-x-3 text-lg font-semibold tracking-tight">
            <Time value={evaluation.created_at} long />
            <span className="text-base font-normal" data-testid="evaluation-status" data-status={evaluation.status}>
              <EvaluationState status={evaluation.status} />
            </span>
          </h1>
          <p className="text-ink-2 [overflow-wrap:anywhere]">
            {t("evaluations.by")} {agentName(evaluation.agent)}
            {evaluation.models.length > 0 && <> · {evaluation.models.join(", ")}</>} · {t("evaluations.startedBy", { name: evaluation.started_by_name })}
          </p>
          {!hasEnded(evaluation.status) && (
            <p role="status" className="mt-1">
              <Progress done={evaluation.cases_done} all={evaluation.cases} />
            </p>
          )}
        </div>
        <Actions evaluation={evaluation} />
      </header>
      {error !== null && (
        <div className="mb-4">
          <ProblemNotice problem={new Problem(error)} />
        </div>
      )}
      <Figures evaluation={evaluation} />
      {hasEnded(evaluation.status) && <Comparison evaluation={evaluation} other={search.with ?? ""} />}
      <Cases evaluation={evaluation} open={search.case} onlyWrong={search.only === "wrong"} />
    </>
  );
}

function Actions({ evaluation }: { evaluation: EvaluationDetail }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [doomed, setDoomed] = useState(false);
  const cancel = useMutation({
    mutationFn: () => sendJson<EvaluationDetail>("POST", `${EVALUATIONS_PATH}/${evaluation.id}/cancel`, {}),
    onSettled: () => invalidateEvaluations(client),
  });
  if (!hasEnded(evaluation.status)) {
    return (
      <div>
        <Button onClick={() => cancel.mutate()} disabled={cancel.isPending}>
          <CircleStop size={14} aria-hidden="true" />
          {t("evaluations.cancel")}
        </Button>
        {cancel.error !== null && <ProblemNotice className="mt-2" problem={asProblem(cancel.error)} />}
      </div>
    );
  }
  return (
    <>
      <IconButton kind="plain" label={t("evaluations.deleteAction")} onClick={() => setDoomed(true)}>
        <Trash2 size={14} aria-hidden="true" />
      </IconButton>
      {doomed && <DeleteDialog evaluation={evaluation} onClose={() => setDoomed(false)} />}
    </>
  );
}

function DeleteDialog({ evaluation, onClose }: { evaluation: EvaluationDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => send(`${EVALUATIONS_PATH}/${evaluation.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await navigate({ to: "/admin/evaluations/suites/$suiteId", params: { suiteId: evaluation.suite_id } });
      await invalidateEvaluations(client);
    },
  });
  return (
    <ConfirmDialog title={t("evaluations.deleteTitle")} text={t("evaluations.deleteText")} action={t("evaluations.deleteAction")} pending={remove.isPending} error={remove.error} onConfirm={() => remove.mutate()} onClose={onClose} />
  );
}

/** The measures so far, and what the answers took. */
function Figures({ evaluation }: { evaluation: EvaluationDetail }) {
  const { t } = useTranslation();
  const { totals, currency } = evaluation;
  if (totals === null) return null;
  const measures = MEASURES.filter((measure) => totals[measure].of > 0);
  const spent = [
    [t("evaluations.measures.steps"), formatNumber(totals.steps)],
    [t("evaluations.measures.input_tokens"), formatNumber(totals.input_tokens)],
    [t("evaluations.measures.output_tokens"), formatNumber(totals.output_tokens)],
    [t("evaluations.measures.cost_micros"), formatMoney(totals.cost_micros, currency)],
    [t("evaluations.measures.p50_ms"), formatDuration(totals.p50_ms)],
    [t("evaluations.measures.p95_ms"), formatDuration(totals.p95_ms)],
  ] as const;
  const kinds = Object.entries(totals.by_kind);
  return (
    <section className="mb-6 space-y-4" data-testid="figures">
      <dl className="grid grid-cols-2 gap-2 @xl:grid-cols-4">
        {measures.map((measure) => (
          <div key={measure} className="rounded-md border border-line p-2">
            <dt className="text-sm text-ink-2">{t(`evaluations.measures.${measure}`)}</dt>
            <dd className="text-lg font-semibold tabular-nums">{formatShare(totals[measure].share)}</dd>
            <dd className="text-sm text-ink-2 tabular-nums">{t("evaluations.ofAll", { count: totals[measure].count, all: totals[measure].of })}</dd>
          </div>
        ))}
      </dl>
      <dl className="flex flex-wrap gap-x-6 gap-y-1 tabular-nums">
        {spent.map(([name, value]) => (
          <div key={name} className="flex gap-1.5">
            <dt className="text-ink-2">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {kinds.length > 0 && (
        <div>
          <h2 className="mb-1 text-sm font-medium">{t("evaluations.byKind")}</h2>
          <ul className="grid grid-cols-1 gap-x-6 gap-y-1 @lg:grid-cols-2 @4xl:grid-cols-3">
            {kinds.map(([kind, share]) => (
              <li key={kind} className="flex items-center gap-2 text-sm tabular-nums">
                <span className="min-w-0 flex-1 truncate" title={kind}>
                  {kind}
                </span>
                <span aria-hidden="true" className="h-1.5 w-24 shrink-0 overflow-hidden rounded-full bg-line">
                  <span className="block h-full bg-accent" style={{ width: `${(share.share ?? 0) * 100}%` }} />
                </span>
                <span className="w-16 shrink-0 text-right text-ink-2">{t("evaluations.ofAll", { count: share.count, all: share.of })}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
