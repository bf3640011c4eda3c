import { useNavigate } from "@tanstack/react-router";
import { Pause, Play, Square, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Goal } from "@/api/goal-types";
import { asProblem } from "@/api/problem";
import { RememberPlan } from "@/features/memory/RememberPlan";
import { useOwnBudgets } from "@/features/usage/queries";
import { cx } from "@/lib/cx";
import { formatDuration, formatNumber } from "@/lib/format";
import { useMay } from "@/lib/may";
import { formatCompact, formatMoney } from "@/lib/money";
import { Button } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Time } from "@/ui/parts";
import { focusPlan, useShownGoal } from "./context";
import { Fact, GoalState } from "./parts";
import { hasEnded, useDeleteGoal, useGoalAction } from "./queries";

/** Longer ones are cut until they are asked for. */
const SHORT_CHARS = 280;

export function GoalHeader() {
  const { t } = useTranslation();
  const { goal } = useShownGoal();
  const [whole, setWhole] = useState(false);
  const long = goal.goal.length > SHORT_CHARS;
  const waits = goal.steps.some(({ status }) => status === "waiting");
  return (
    <header>
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-2">
        <div className="min-w-0 flex-1 basis-80">
          <h1 className={cx("max-w-[60ch] text-lg font-semibold tracking-tight [overflow-wrap:anywhere]", long && !whole ? "line-clamp-3" : "whitespace-pre-line")}>{goal.goal}</h1>
          {long && (
            <button type="button" aria-expanded={whole} onClick={() => setWhole(!whole)} className="text-sm text-accent underline underline-offset-2 touch:min-h-11">
              {t(whole ? "goals.showLess" : "goals.showAll")}
            </button>
          )}
          <p className="mt-1 flex min-h-6 items-center" data-testid="goal-status" data-status={goal.status}>
            <GoalState status={goal.status} waits={waits} className="font-semibold" />
          </p>
        </div>
        <Actions />
      </div>
      {goal.status === "planning" && <p className="mt-1 text-ink-2">{t("goals.planning")}</p>}
      {goal.status === "paused" && <p className="mt-1 max-w-[75ch] text-ink-2">{t("goals.paused")}</p>}
      <Facts goal={goal} />
    </header>
  );
}

function Actions() {
  const { t } = useTranslation();
  const { goal, changing } = useShownGoal();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<"stop" | "delete" | null>(null);
  // The button is gone with the pause while the plan is being changed.
  const act = useGoalAction(goal.id, () => changing && focusPlan());
  const stop = useGoalAction(goal.id, () => setAsked(null));
  const remove = useDeleteGoal(goal.id, () => void navigate({ to: "/goals" }));
  const ended = hasEnded(goal.status);
  const paused = goal.status === "paused";
  return (
    <div className="min-w-0">
      <div role="group" aria-label={t("goals.actions")} className="flex flex-wrap gap-2">
        {/* While the plan is being changed it is saved or discarded first. */}
        {(goal.status === "running" || (paused && !changing)) && (
          <Button kind={paused ? "primary" : "plain"} aria-disabled={act.isPending} onClick={() => !act.isPending && act.mutate({ method: "POST", path: paused ? "resume" : "pause" })}>
            {paused ? <Play size={14} aria-hidden="true" /> : <Pause size={14} aria-hidden="true" />}
            {t(paused ? "goals.resume" : "goals.pause")}
          </Button>
        )}
        {!ended && (
          <Button kind="caution" onClick={() => setAsked("stop")}>
            <Square size={12} fill="currentColor" aria-hidden="true" />
            {t("goals.stop")}
          </Button>
        )}
        {goal.status === "finished" && <RememberPlan goalId={goal.id} />}
        {ended && (
          <Button kind="caution" onClick={() => setAsked("delete")}>
            <Trash2 size={14} aria-hidden="true" />
            {t("common.delete")}
          </Button>
        )}
      </div>
      {act.error !== null && <ProblemNotice problem={asProblem(act.error)} className="mt-2" />}
      {asked === "stop" && (
        <ConfirmDialog
          title={t("goals.stopTitle")}
          text={t("goals.stopText")}
          action={t("goals.stop")}
          pending={stop.isPending}
          error={stop.error}
          onConfirm={() => stop.mutate({ method: "POST", path: "cancel" })}
          onClose={() => setAsked(null)}
        />
      )}
      {asked === "delete" && (
        <ConfirmDialog
          title={t("goals.deleteTitle")}
          text={t("goals.deleteText")}
          action={t("common.delete")}
          pending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setAsked(null)}
        />
      )}
    </div>
  );
}

/** What it has taken, against what it may take. */
function Facts({ goal }: { goal: Goal }) {
  const { t } = useTranslation();
  const currency = useOwnBudgets(useMay("usage:read")).data?.currency ?? "";
  const { usage, limits } = goal;
  const money = (micros: number) => formatMoney(micros, currency);
  const of = (used: number, limit: number | null, format: (value: number) => string) =>
    limit === null ? format(used) : t("goals.of", { used: format(used), limit: format(limit) });
  return (
    <dl className="mt-3 grid grid-cols-2 gap-x-6 gap-y-2 border-y border-line py-3 tabular-nums @lg:grid-cols-3 @3xl:flex @3xl:flex-wrap @3xl:gap-x-10" data-testid="goal-facts">
      <Fact name={t("goals.started")}>
        <Time value={goal.created_at} long />
      </Fact>
      {goal.finished_at !== null && <Fact name={t("goals.took")}>{formatDuration(Date.parse(goal.finished_at) - Date.parse(goal.created_at))}</Fact>}
      {limits.seconds !== null && goal.finished_at === null && <Fact name={t("goals.timeLimit")}>{formatSpan(limits.seconds)}</Fact>}
      <Fact name={t("goals.runs")} share={limits.runs === null ? null : usage.runs / limits.runs}>
        {of(usage.runs, limits.runs, formatNumber)}
      </Fact>
      <Fact name={t("goals.tokens")} share={limits.tokens === null ? null : usage.tokens / limits.tokens}>
        {of(usage.tokens, limits.tokens, formatCompact)}
      </Fact>
      <Fact name={t("goals.calls")}>{formatNumber(usage.calls)}</Fact>
      <Fact name={t("goals.cost")} share={limits.cost_micros === null ? null : usage.cost_micros / limits.cost_micros}>
        {of(usage.cost_micros, limits.cost_micros, money)}
      </Fact>
    </dl>
  );
}

/** A limit of time, without the seconds that it does not have. */
function formatSpan(seconds: number): string {
  const minutes = seconds / 60;
  return Number.isInteger(minutes) ? `${formatNumber(minutes)} min` : formatDuration(seconds * 1000);
}
