import { Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { EvaluationComparison, EvaluationDetail } from "@/api/evaluation-types";
import { asProblem } from "@/api/problem";
import { formatDateTime, formatDuration, formatNumber, numberFormat } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Select, Skeleton, Status } from "@/ui/parts";
import { formatShare, useAgentName, type Measure } from "./parts";
import { hasEnded, useComparison, useHistory } from "./queries";

type Difference = EvaluationComparison["quality"][number];
type Spent = "steps" | "input_tokens" | "output_tokens" | "cost_micros" | "p50_ms" | "p95_ms";

/** What changed between this evaluation and another one of its suite. */
export function Comparison({ evaluation, other }: { evaluation: EvaluationDetail; other: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const agentName = useAgentName();
  const history = useHistory(evaluation.suite_id);
  const others = (history.data?.pages.flatMap((page) => page.items) ?? []).filter(({ id, status }) => id !== evaluation.id && hasEnded(status));
  const query = useComparison(evaluation.id, other, true);
  const chosen = other === "" ? (query.data?.with ?? "") : other;
  const choose = (id: string) => void navigate({ to: "/admin/evaluations/$evaluationId", params: { evaluationId: evaluation.id }, search: (before) => ({ ...before, with: id }), replace: true });
  const options = others.map(({ id, created_at, agent }) => ({ value: id, label: `${formatDateTime(created_at)} · ${agentName(agent)}` }));
  return (
    <section className="mb-6" aria-labelledby="comparison" data-testid="comparison">
      <div className="mb-1 flex flex-wrap items-center gap-x-3 gap-y-1">
        <h2 id="comparison" className="font-semibold">
          {t("evaluations.comparison")}
        </h2>
        {options.length > 0 && (
          <Select label={t("evaluations.with")} value={chosen} options={chosen === "" ? [{ value: "", label: t("evaluations.with") }, ...options] : options} onChange={choose} className="max-w-full" />
        )}
      </div>
      {query.isPending && <Skeleton className="h-24" />}
      {query.error !== null && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
      {query.data !== undefined &&
        (query.data.cases === 0 ? (
          <p className="text-ink-2">{t(query.data.with === null ? "evaluations.noOther" : "evaluations.comparisonNone")}</p>
        ) : (
          <Differences comparison={query.data} evaluation={evaluation} />
        ))}
    </section>
  );
}

function Differences({ comparison, evaluation }: { comparison: EvaluationComparison; evaluation: EvaluationDetail }) {
  const { t } = useTranslation();
  const measured = comparison.quality.filter(({ before, now }) => typeof before === "number" || typeof now === "number");
  return (
    <>
      <p className="mb-2 max-w-[75ch] text-ink-2">{t("evaluations.comparisonText", { count: comparison.cases, margin: formatShare(comparison.margin) })}</p>
      <div className="grid grid-cols-1 gap-x-8 gap-y-4 @4xl:grid-cols-2">
        <Table differences={measured} format={({ measure }, value) => [t(`evaluations.measures.${measure as Measure}`), formatShare(value)]} change={formatPoints} />
        <Table differences={comparison.spent} format={({ measure }, value) => [t(`evaluations.measures.${measure as Spent}`), typeof value !== "number" ? "–" : figure(measure as Spent, value, evaluation.currency)]} />
      </div>
      <div className="mt-3 grid grid-cols-1 gap-3 @xl:grid-cols-2">
        <Turned title={t("evaluations.lost")} cases={comparison.lost} evaluation={evaluation} bad />
        <Turned title={t("evaluations.won")} cases={comparison.won} evaluation={evaluation} />
      </div>
      {comparison.only_before.length > 0 && <p className="mt-2 text-sm text-ink-2 [overflow-wrap:anywhere]">{t("evaluations.onlyBefore", { cases: comparison.only_before.join(", ") })}</p>}
      {comparison.only_now.length > 0 && <p className="mt-2 text-sm text-ink-2 [overflow-wrap:anywhere]">{t("evaluations.onlyNow", { cases: comparison.only_now.join(", ") })}</p>}
    </>
  );
}

function figure(measure: Spent, value: number, currency: string): string {
  if (measure === "cost_micros") return formatMoney(value, currency);
  return measure.endsWith("_ms") ? formatDuration(value) : formatNumber(value);
}

/** `+2.5`: points of a percentage. */
function formatPoints({ before, now }: Difference): string {
  if (typeof before !== "number" || typeof now !== "number") return "–";
  return numberFormat("points", { maximumFractionDigits: 1, signDisplay: "exceptZero" }).format((now - before) * 100);
}

interface TableProps {
  differences: readonly Difference[];
  /** The measure's name, and a figure of it. */
  format: (difference: Difference, value: number | null | undefined) => readonly [string, string];
  change?: (difference: Difference) => string;
}

function Table({ differences, format, change }: TableProps) {
  const { t } = useTranslation();
  return (
    <table className="w-full border-separate border-spacing-0 self-start">
      <caption className="sr-only">{t("evaluations.comparison")}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head pl-0">
            {t("evaluations.measure")}
          </th>
          <th scope="col" className="cell-head text-right">
            {t("evaluations.before")}
          </th>
          <th scope="col" className="cell-head text-right">
            {t("evaluations.now")}
          </th>
          {change !== undefined && (
            <th scope="col" className="cell-head pr-0 text-right">
              {t("evaluations.change")}
            </th>
          )}
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {differences.map((difference) => (
          <tr key={difference.measure} data-worse={difference.worse}>
            <th scope="row" className="cell pl-0 text-left font-normal">
              {format(difference, null)[0]}
              {difference.worse && (
                <span className="ml-2 inline-block text-sm">
                  <Status tone="danger">{t("evaluations.worse")}</Status>
                </span>
              )}
            </th>
            <td className="cell text-right">{format(difference, difference.before)[1]}</td>
            <td className="cell text-right">{format(difference, difference.now)[1]}</td>
            {change !== undefined && <td className="cell pr-0 text-right">{change(difference)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Cases whose verdict is another one now; each leads to its place below. */
function Turned({ title, cases, evaluation, bad = false }: { title: string; cases: readonly string[]; evaluation: EvaluationDetail; bad?: boolean }) {
  const { t } = useTranslation();
  return (
    <div>
      <h3 className={bad && cases.length > 0 ? "text-sm font-medium text-danger" : "text-sm font-medium"}>{`${title}: ${cases.length}`}</h3>
      {cases.length === 0 ? (
        <p className="text-sm text-ink-2">{t("evaluations.noneChanged")}</p>
      ) : (
        <ul className="flex flex-wrap gap-x-3">
          {cases.map((id) => (
            <li key={id}>
              <Link to="/admin/evaluations/$evaluationId" params={{ evaluationId: evaluation.id }} search={(before) => ({ ...before, case: id, only: undefined })} className="font-mono text-xs text-accent underline underline-offset-2 touch:inline-block touch:py-3">
                {id}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
