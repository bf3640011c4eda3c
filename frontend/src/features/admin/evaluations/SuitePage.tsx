import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { ChevronLeft, LineChart, Pencil, Play, Trash2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import type { Evaluation, EvaluationSuite } from "@/api/evaluation-types";
import { asProblem } from "@/api/problem";
import { ListState } from "@/features/identity/ListState";
import { formatDateTime } from "@/lib/format";
import { useDocumentTitle } from "@/lib/hooks";
import { Button, IconButton } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { ClassificationLabel, EmptyState, Skeleton, Time } from "@/ui/parts";
import { StartDialog } from "./StartDialog";
import { SuiteDialog } from "./SuiteDialog";
import { EvaluationState, Progress, formatShare, shareOf, useAgentName } from "./parts";
import { SUITES_PATH, hasEnded, invalidateEvaluations, useHistory, useSuite } from "./queries";
import "./texts";

const TrendChart = lazy(() => import("./TrendChart").then((module) => ({ default: module.TrendChart })));

/** A suite: what came of it time after time, and its cases. */
export function SuitePage() {
  const { t } = useTranslation();
  const { suiteId } = useParams({ from: "/app/admin/evaluations/suites/$suiteId" });
  const query = useSuite(suiteId);
  useDocumentTitle(query.data?.name ?? t("evaluations.title"));
  return (
    <div className="h-full overflow-y-auto">
      <div className="@container px-4 pt-2 pb-10">
        <Link to="/admin/evaluations" className="-ml-1 inline-flex h-7 items-center gap-1 rounded-sm px-1 text-sm text-ink-2 hover:text-ink touch:h-11">
          <ChevronLeft size={14} aria-hidden="true" />
          {t("evaluations.title")}
        </Link>
        {query.isPending && <Skeleton className="h-8 w-64" />}
        {query.error !== null && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
        {query.data !== undefined && <Suite suite={query.data} />}
      </div>
    </div>
  );
}

function Suite({ suite }: { suite: EvaluationSuite }) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState<"start" | "edit" | "delete" | null>(null);
  const close = () => setOpened(null);
  return (
    <>
      <header className="mb-4 flex flex-wrap items-start justify-between gap-2">
        <div className="min-w-0">
          <h1 className="text-lg font-semibold tracking-tight [overflow-wrap:anywhere]">{suite.name}</h1>
          <p className="flex flex-wrap gap-x-3 text-ink-2">
            {t("evaluations.casesCount", { count: suite.cases.length })}
            <ClassificationLabel value={suite.classification} />
          </p>
        </div>
        <div className="flex gap-2">
          <IconButton kind="plain" label={t("evaluations.deleteSuite")} onClick={() => setOpened("delete")}>
            <Trash2 size={14} aria-hidden="true" />
          </IconButton>
          <Button onClick={() => setOpened("edit")}>
            <Pencil size={14} aria-hidden="true" />
            {t("evaluations.edit")}
          </Button>
          <Button kind="primary" onClick={() => setOpened("start")}>
            <Play size={14} aria-hidden="true" />
            {t("evaluations.start")}
          </Button>
        </div>
      </header>
      {suite.missing_documents.length > 0 && (
        <div className="mb-4 rounded-md border border-line-strong bg-sunken p-2" role="status">
          <p>{t("evaluations.missingDocuments")}</p>
          <ul className="list-disc pl-5 text-ink-2">
            {suite.missing_documents.map((name) => (
              <li key={name} className="[overflow-wrap:anywhere]">
                {name}
              </li>
            ))}
          </ul>
        </div>
      )}
      <History suite={suite} />
      <h2 className="mt-8 mb-1 font-semibold">{t("evaluations.cases")}</h2>
      <ul className="divide-y divide-line border-y border-line">
        {suite.cases.map((known) => (
          <li key={known.id} className="py-1.5">
            <p className="[overflow-wrap:anywhere]">{known.question}</p>
            <p className="text-sm text-ink-2">
              <span className="font-mono text-xs">{known.id}</span>
              {known.kind !== "" && <> · {known.kind}</>}
              {known.abstain && <> · {t("evaluations.abstained")}</>}
            </p>
          </li>
        ))}
      </ul>
      {opened === "start" && <StartDialog suite={suite} onClose={close} />}
      {opened === "edit" && <SuiteDialog suite={suite} onClose={close} />}
      {opened === "delete" && <DeleteDialog suite={suite} onClose={close} />}
    </>
  );
}

function History({ suite }: { suite: EvaluationSuite }) {
  const { t } = useTranslation();
  const query = useHistory(suite.id);
  const navigate = useNavigate();
  const [selected, setSelected] = useState<readonly string[]>([]);
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  // One that was stopped or broke off has not asked everything: it is no point of the line.
  const points = items.filter(({ status }) => status === "finished").reverse();
  const chosen = items.filter(({ id }) => selected.includes(id));
  const compare = () => {
    const [now, before] = chosen;
    if (now === undefined || before === undefined) return;
    void navigate({ to: "/admin/evaluations/$evaluationId", params: { evaluationId: now.id }, search: { with: before.id } });
  };
  return (
    <section aria-labelledby="history">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <h2 id="history" className="font-semibold">
          {t("evaluations.history")}
        </h2>
        {items.length > 1 && (
          <Button onClick={compare} disabled={chosen.length !== 2} title={chosen.length === 2 ? undefined : t("evaluations.selectTwo")}>
            {t(chosen.length === 2 ? "evaluations.compare" : "evaluations.selectTwo")}
          </Button>
        )}
      </div>
      {points.length > 0 && (
        <Suspense fallback={<Skeleton className="h-56" />}>
          <TrendChart evaluations={points} />
        </Suspense>
      )}
      <ListState query={{ ...query, items }} empty={<EmptyState compact icon={<LineChart size={24} />} title={t("evaluations.historyNone")} text={t("evaluations.historyNoneText")} />}>
        <HistoryTable items={items} selected={selected} onSelect={setSelected} />
      </ListState>
    </section>
  );
}

interface HistoryTableProps {
  items: readonly Evaluation[];
  selected: readonly string[];
  onSelect: (selected: readonly string[]) => void;
}

function HistoryTable({ items, selected, onSelect }: HistoryTableProps) {
  const { t } = useTranslation();
  const agentName = useAgentName();
  const toggle = (id: string) => onSelect(selected.includes(id) ? selected.filter((other) => other !== id) : [...selected, id].slice(-2));
  return (
    <table className="mt-3 w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("evaluations.figures")}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head w-8 px-0 touch:w-11">
            <span className="sr-only">{t("evaluations.compare")}</span>
          </th>
          <th scope="col" className="cell-head pl-1">
            {t("evaluations.started")}
          </th>
          <th scope="col" className="cell-head w-32 @2xl:w-44">
            {t("evaluations.status")}
          </th>
          <th scope="col" className="cell-head w-20 text-right">
            {t("evaluations.measures.right")}
          </th>
          {(["groundedness", "citation_recall", "abstention_recall"] as const).map((measure) => (
            <th key={measure} scope="col" className="cell-head hidden w-36 text-right @4xl:table-cell">
              {t(`evaluations.measures.${measure}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {items.map((evaluation) => (
          <tr key={evaluation.id} className="hover:bg-hover" data-testid="evaluation-row" data-status={evaluation.status}>
            <td className="cell px-0">
              <input
                type="checkbox"
                checked={selected.includes(evaluation.id)}
                onChange={() => toggle(evaluation.id)}
                aria-label={t("evaluations.select", { time: formatDateTime(evaluation.created_at) })}
                className="size-4 accent-(--accent)"
              />
            </td>
            <td className="cell h-auto py-1.5 pl-1">
              <Link to="/admin/evaluations/$evaluationId" params={{ evaluationId: evaluation.id }} data-row="" className="font-medium hover:text-accent touch:inline-block touch:py-2">
                <Time value={evaluation.created_at} />
              </Link>
              <p className="text-sm [overflow-wrap:anywhere] text-ink-2">
                {agentName(evaluation.agent)}
                {evaluation.models.length > 0 && <> · {evaluation.models.join(", ")}</>}
              </p>
            </td>
            <td className="cell">{evaluation.status === "running" ? <Progress done={evaluation.cases_done} all={evaluation.cases} /> : <EvaluationState status={evaluation.status} />}</td>
            <td className="cell text-right">{hasEnded(evaluation.status) ? formatShare(shareOf(evaluation.totals, "right")?.share ?? null) : "–"}</td>
            {(["groundedness", "citation_recall", "abstention_recall"] as const).map((measure) => (
              <td key={measure} className="cell hidden text-right @4xl:table-cell">
                {formatShare(shareOf(evaluation.totals, measure)?.share ?? null)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function DeleteDialog({ suite, onClose }: { suite: EvaluationSuite; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => send(`${SUITES_PATH}/${suite.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await navigate({ to: "/admin/evaluations" });
      await invalidateEvaluations(client);
    },
  });
  return (
    <ConfirmDialog
      title={t("evaluations.deleteSuiteTitle")}
      text={t("evaluations.deleteSuiteText", { name: suite.name })}
      action={t("evaluations.deleteAction")}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}
