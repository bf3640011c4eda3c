import { Link, useNavigate } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { EvaluationCase, EvaluationDetail } from "@/api/evaluation-types";
import { session } from "@/api/session";
import { cx } from "@/lib/cx";
import { formatDuration } from "@/lib/format";
import { useStore } from "@/lib/store";
import { Select, Status } from "@/ui/parts";

interface CasesProps {
  evaluation: EvaluationDetail;
  /** The case that is open. */
  open: string | undefined;
  onlyWrong: boolean;
}

/** Each case with its verdict and why; one opens to its answer and its run. */
export function Cases({ evaluation, open, onlyWrong }: CasesProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const go = (search: { case?: string | undefined; only?: "wrong" | undefined }) =>
    void navigate({ to: "/admin/evaluations/$evaluationId", params: { evaluationId: evaluation.id }, search: (before) => ({ ...before, ...search }), replace: true });
  const items = onlyWrong ? evaluation.items.filter(({ verdict }) => verdict?.right === false) : evaluation.items;
  return (
    <section aria-labelledby="cases">
      <div className="mb-1 flex flex-wrap items-center gap-x-3 gap-y-1">
        <h2 id="cases" className="font-semibold">
          {t("evaluations.cases")}
        </h2>
        <Select
          label={t("evaluations.only")}
          value={onlyWrong ? "wrong" : "all"}
          options={[
            { value: "all", label: t("evaluations.onlyAll") },
            { value: "wrong", label: t("evaluations.onlyWrong") },
          ]}
          onChange={(value) => go({ only: value === "wrong" ? "wrong" : undefined })}
        />
      </div>
      {items.length === 0 && <p className="text-ink-2">{t("evaluations.nothingWrong")}</p>}
      <ul className="divide-y divide-line border-y border-line">
        {items.map((item) => (
          <Case key={item.number} item={item} startedBy={evaluation.started_by} open={item.id === open} onToggle={() => go({ case: item.id === open ? undefined : item.id })} />
        ))}
      </ul>
    </section>
  );
}

/** Why it was judged so, each in words. */
function useReasons(): (item: EvaluationCase) => string[] {
  const { t } = useTranslation();
  return ({ verdict, abstain }) => {
    if (verdict === null) return [];
    const reasons: string[] = [];
    if (verdict.failure !== null) reasons.push(verdict.failure);
    if (verdict.abstained && !abstain) reasons.push(t("evaluations.abstained"));
    else if (abstain && !verdict.abstained && verdict.failure === null) reasons.push(t("evaluations.answered"));
    else if (verdict.failure === null) reasons.push(...verdict.missing.map((what) => t("evaluations.missing", { what })));
    reasons.push(...verdict.forbidden.map((what) => t("evaluations.forbidden", { what })));
    if (verdict.grounded < verdict.sentences) reasons.push(t("evaluations.ungrounded", { count: verdict.sentences - verdict.grounded, all: verdict.sentences }));
    return reasons.length === 0 ? [t(verdict.abstained ? "evaluations.abstained" : "evaluations.asExpected")] : reasons;
  };
}

function CaseVerdict({ item }: { item: EvaluationCase }) {
  const { t } = useTranslation();
  if (item.verdict !== null) return <Status tone={item.verdict.right ? "accent" : "danger"}>{t(item.verdict.right ? "evaluations.right" : "evaluations.wrong")}</Status>;
  if (item.status === "running") return <Status tone="busy">{t("evaluations.running")}</Status>;
  return <Status tone="neutral">{t(item.status === "skipped" ? "evaluations.skipped" : "evaluations.pending")}</Status>;
}

function Case({ item, startedBy, open, onToggle }: { item: EvaluationCase; startedBy: string; open: boolean; onToggle: () => void }) {
  const reasons = useReasons();
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (open) row.current?.scrollIntoView({ block: "nearest" });
  }, [open]);
  return (
    <li ref={row} data-testid="evaluation-case" data-right={item.verdict?.right}>
      <button type="button" aria-expanded={open} onClick={onToggle} data-row="" className="flex w-full items-start gap-2 py-1.5 text-left hover:bg-hover touch:min-h-11">
        <ChevronRight size={14} aria-hidden="true" className={cx("mt-0.5 shrink-0 text-ink-3 transition-transform", open && "rotate-90")} />
        <span className="min-w-0 flex-1">
          <span className="block [overflow-wrap:anywhere]">{item.question}</span>
          <span className="block text-sm [overflow-wrap:anywhere] text-ink-2">
            <span className="font-mono text-xs">{item.id}</span>
            {reasons(item).length > 0 && <> · {reasons(item).join(" · ")}</>}
          </span>
        </span>
        <span className="shrink-0 text-right text-sm">
          <CaseVerdict item={item} />
          {item.verdict !== null && <span className="block text-ink-2 tabular-nums">{formatDuration(item.verdict.duration_ms)}</span>}
        </span>
      </button>
      {open && <Details item={item} startedBy={startedBy} />}
    </li>
  );
}

function Details({ item, startedBy }: { item: EvaluationCase; startedBy: string }) {
  const { t } = useTranslation();
  const me = useStore(session, (value) => value?.user.id);
  const { answer, verdict } = item;
  return (
    <div className="mb-3 ml-5 space-y-2 rounded-md border border-line bg-sunken p-3">
      {answer !== null && (
        <div>
          <h3 className="text-sm font-medium">{t("evaluations.shown")}</h3>
          <p className="max-w-[75ch] [overflow-wrap:anywhere] whitespace-pre-wrap">{answer.withheld ? t("evaluations.withheld") : answer.content}</p>
        </div>
      )}
      {verdict !== null && (
        <p className="text-sm text-ink-2">
          {[answer?.agent, verdict.model].filter((part) => part !== null && part !== undefined && part !== "").join(" · ")}
        </p>
      )}
      {item.run_id !== null && me === startedBy && (
        <Link to="/runs/$runId" params={{ runId: item.run_id }} className="text-accent underline underline-offset-2 touch:inline-block touch:py-3">
          {t("evaluations.run")}
        </Link>
      )}
    </div>
  );
}
