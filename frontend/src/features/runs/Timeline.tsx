import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Run } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatDuration, formatNumber } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { timelineOf, type RunAccount, type TimelineRow } from "./timeline";
import "./texts";

const POLL_MS = 2000;

/** The steps of a run against its time, with tokens, cost and decisions of each. */
export function Timeline({ run }: { run: Run }) {
  const { t } = useTranslation();
  const running = run.status === "running";
  const query = useQuery({
    queryKey: ["run", run.id, "account", run.steps.length, run.status],
    queryFn: ({ signal }) => getJson<RunAccount>(`/runs/${run.id}/account`, undefined, signal),
    refetchInterval: running ? POLL_MS : false,
    placeholderData: (before) => before,
  });
  const account = query.data;
  const rows = timelineOf(run, account, query.dataUpdatedAt === 0 ? Date.parse(run.created_at) : query.dataUpdatedAt);
  const sum = (of: (row: TimelineRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  const money = (micros: number) => (account === undefined ? "" : formatMoney(micros, account.currency));
  const decisions = account?.decisions ?? [];
  return (
    <section aria-labelledby="timeline" className="mb-4">
      <h2 id="timeline" className="mb-2 text-md font-semibold">
        {t("timeline.title")}
      </h2>
      {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="mb-2" />}
      <div className="@container">
        <table className="w-full text-sm tabular-nums" data-testid="timeline">
          <thead>
            <tr className="border-b border-line text-left text-xs text-ink-3">
              <th scope="col" className="cell font-normal">{t("timeline.step")}</th>
              <th scope="col" className="cell w-1/3 font-normal">
                <span className="sr-only">{t("timeline.place")}</span>
              </th>
              <th scope="col" className="cell text-right font-normal">{t("timeline.time")}</th>
              <th scope="col" className="cell hidden text-right font-normal @md:table-cell">{t("timeline.tokens")}</th>
              <th scope="col" className="cell hidden text-right font-normal @md:table-cell">{t("timeline.cost")}</th>
              <th scope="col" className="cell hidden text-right font-normal @lg:table-cell">{t("timeline.decisions")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.step.number} row={row} money={money} />
            ))}
          </tbody>
          <tfoot>
            <tr className="border-t border-line font-medium">
              <th scope="row" className="cell text-left font-medium">{t("timeline.all")}</th>
              <td className="cell" />
              <td className="cell text-right">{run.finished_at === null ? "" : formatDuration(Date.parse(run.finished_at) - Date.parse(run.created_at))}</td>
              <td className="cell hidden text-right @md:table-cell">{formatNumber(sum((row) => row.tokens))}</td>
              <td className="cell hidden text-right @md:table-cell">{money(sum((row) => row.costMicros))}</td>
              <td className="cell hidden text-right @lg:table-cell">{formatNumber(decisions.length)}</td>
            </tr>
          </tfoot>
        </table>
      </div>
      {decisions.length > 0 && (
        <details className="mt-2 text-sm">
          <summary className="cursor-pointer text-ink-2 hover:text-ink">{t("timeline.showDecisions", { count: decisions.length })}</summary>
          <ul className="mt-1 space-y-0.5 border-l border-line pl-3">
            {decisions.map((decision) => (
              <li key={decision.id} className="[overflow-wrap:anywhere]">
                <code>{decision.action}</code>{" "}
                <span className={cx(decision.verdict === "ALLOW" ? "text-ink-2" : "text-danger")}>{t(`timeline.verdict.${verdictOf(decision.verdict)}`)}</span>
                {policiesOf(decision.policies).map((policy) => (
                  <span key={policy} className="text-ink-3"> · {policy}</span>
                ))}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function Row({ row: { step, from, length, tokens, costMicros, decisions }, money }: { row: TimelineRow; money: (micros: number) => string }) {
  const { t } = useTranslation();
  const denied = decisions.filter(({ verdict }) => verdict !== "ALLOW").length;
  return (
    <tr>
      <th scope="row" className="cell text-left font-normal whitespace-nowrap">
        {t(`chat.steps.kind.${step.kind}`)}
        {step.attempt > 1 && <span className="text-ink-3"> {step.attempt}</span>}
      </th>
      <td className="cell">
        <div aria-hidden="true" className="relative h-2.5 w-full rounded-sm bg-sunken">
          <div
            className={cx("absolute inset-y-0 min-w-0.5 rounded-sm", step.status === "failed" ? "bg-danger" : step.kind === "person" ? "bg-ink-3" : "bg-accent", step.status === "running" && "animate-pulse-soft")}
            style={{ left: `${Math.min(from * 100, 99)}%`, width: `${length * 100}%` }}
          />
        </div>
      </td>
      <td className="cell text-right whitespace-nowrap">{step.duration_ms === null ? t("timeline.goesOn") : formatDuration(step.duration_ms)}</td>
      <td className="cell hidden text-right @md:table-cell">{tokens === 0 ? "" : formatNumber(tokens)}</td>
      <td className="cell hidden text-right whitespace-nowrap @md:table-cell">{tokens === 0 ? "" : money(costMicros)}</td>
      <td className={cx("cell hidden text-right whitespace-nowrap @lg:table-cell", denied > 0 && "text-danger")}>
        {decisions.length === 0 ? "" : denied === 0 ? formatNumber(decisions.length) : t("timeline.denied", { denied, of: decisions.length })}
      </td>
    </tr>
  );
}

function verdictOf(verdict: string): "ALLOW" | "REQUIRE_APPROVAL" | "DENY" {
  return verdict === "ALLOW" || verdict === "REQUIRE_APPROVAL" ? verdict : "DENY";
}

function policiesOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.map((policy: unknown) => String(typeof policy === "string" ? policy : (policy as { id?: unknown } | null)?.id)).filter((name) => name !== "undefined");
}
