import { History, PencilLine } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import { useMediaQuery } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton } from "@/ui/parts";
import { ChangePlan } from "./ChangePlan";
import { PLAN_HEADING, focusPlan, useShownGoal } from "./context";
import { PlanDiagram } from "./PlanDiagram";
import { useAuthorText } from "./parts";
import { mayChangePlan, useGoalAction } from "./queries";
import { StepBelow } from "./StepDetails";
import { Versions } from "./Versions";

/** The plan: as a diagram that lives, to be approved while it is proposed, and to be changed while nothing goes on. */
export function PlanSection() {
  const { t } = useTranslation();
  const { goal, picked, pickStep, changing, setChanging } = useShownGoal();
  const [versions, setVersions] = useState(false);
  const sideBySide = useMediaQuery("(min-width: 64rem)");
  const { plan, status } = goal;
  if (plan === null) return status === "planning" ? <Skeleton className="mt-5 h-48" /> : null;
  return (
    <section className="mt-5" aria-labelledby={PLAN_HEADING}>
      <div className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-40">
          <h2 id={PLAN_HEADING} tabIndex={-1} className="w-fit text-md font-semibold">
            {t("goals.plan")}
          </h2>
          <p className="text-sm text-ink-2">
            <Origin />
          </p>
        </div>
        {mayChangePlan(status) && !changing && (
          <Button
            onClick={() => {
              setChanging(true);
              focusPlan();
            }}
          >
            <PencilLine size={14} aria-hidden="true" />
            {t("goals.changePlan")}
          </Button>
        )}
        <Button kind="quiet" aria-expanded={versions} onClick={() => setVersions(!versions)}>
          <History size={14} aria-hidden="true" />
          {t(versions ? "goals.hideVersions" : "goals.versions")}
        </Button>
      </div>
      {status === "proposed" && !changing && <Approve sha256={plan.sha256} />}
      {versions && <Versions />}
      {changing ? (
        <ChangePlan
          onDone={() => {
            setChanging(false);
            focusPlan();
          }}
        />
      ) : (
        <PlanDiagram label={t("goals.planSteps")} steps={goal.steps} selected={picked} onSelect={(name) => pickStep(name === picked ? null : name)} />
      )}
      {sideBySide && (picked !== undefined || !changing) && <StepBelow />}
    </section>
  );
}

/** Which version it is, who wrote it, and that it was approved. */
function Origin() {
  const { t } = useTranslation();
  const { goal } = useShownGoal();
  const authorText = useAuthorText();
  if (goal.plan === null) return null;
  const { version, approved_at } = goal.plan;
  return [t("goals.version", { number: version }), authorText(goal.plan), ...(approved_at === null ? [] : [t("goals.approved")])].join(" · ");
}

/** The person says yes to the plan that they looked at: one that takes its place meanwhile is looked at first. */
function Approve({ sha256 }: { sha256: string }) {
  const { t } = useTranslation();
  const { goal } = useShownGoal();
  const approve = useGoalAction(goal.id, focusPlan);
  const problem = approve.error === null ? null : asProblem(approve.error);
  return (
    <div className="mb-3 rounded-lg border border-l-4 border-line-strong border-l-class-confidential bg-raised p-4" data-testid="approve">
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 flex-1 basis-64">
          <h3 className="font-semibold">{t("goals.proposed")}</h3>
          <p className="max-w-[75ch] text-ink-2">{t("goals.proposedText")}</p>
        </div>
        <Button kind="primary" disabled={approve.isPending} onClick={() => approve.mutate({ method: "POST", path: "approve", body: { sha256 } })}>
          {t("goals.approve")}
        </Button>
      </div>
      {problem?.status === 412 ? (
        <p role="alert" className="mt-3 text-ink" data-testid="stale">
          <span className="font-semibold">{t("goals.stale")}.</span> {t("goals.staleApprove")}
        </p>
      ) : (
        problem !== null && <ProblemNotice problem={problem} className="mt-3" />
      )}
    </div>
  );
}
