import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import { diffLines } from "@/lib/diff";
import { Button } from "@/ui/Button";
import { FileDiffs } from "@/ui/FileDiffs";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { useShownGoal } from "./context";
import { PlanEditor } from "./PlanEditor";
import { hasEnded, mayChangePlan, useGoalAction, usePlanCheck } from "./queries";

/** The plan as text, to be changed. What is saved takes the place of the plan that the person began from, and of no other. The text
 *  stays while the goal goes on meanwhile, and is saved once that may be. */
export function ChangePlan({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const { goal } = useShownGoal();
  const current = goal.plan;
  const [from, setFrom] = useState(current?.sha256 ?? "");
  const [text, setText] = useState(current?.text ?? "");
  const check = usePlanCheck(text);
  const save = useGoalAction(goal.id, onDone);
  const problem = save.error === null ? null : asProblem(save.error);
  const newest = current !== null && current.sha256 !== from ? current : null;
  const may = mayChangePlan(goal.status);
  const begun = goal.steps.some(({ status }) => status !== "pending" && status !== "ready");
  const put = (replaces: string) => {
    setFrom(replaces);
    save.mutate({ method: "PUT", path: "plan", body: { plan: text, replaces } });
  };
  return (
    <div data-testid="change-plan">
      {begun && <p className="mb-2 text-sm text-ink-2">{t("goals.begunStay")}</p>}
      <PlanEditor value={text} onChange={setText} check={check} />
      {newest !== null && (
        <Stale
          newest={newest.text}
          own={text}
          onTake={() => {
            setFrom(newest.sha256);
            setText(newest.text);
            save.reset();
          }}
          onKeep={() => put(newest.sha256)}
          disabled={!may || save.isPending || check.error !== null}
        />
      )}
      {problem !== null && problem.status !== 412 && <ProblemNotice problem={problem} className="mt-3 max-w-3xl" />}
      {!may && (
        <p role="status" className="mt-3 max-w-[75ch] rounded-md border border-line-strong bg-sunken px-3 py-2" data-testid="may-not-change">
          {t(hasEnded(goal.status) ? "goals.changeEnded" : "goals.changeGoesOn")}
        </p>
      )}
      <div className="mt-3 flex gap-2">
        {newest === null && (
          <Button kind="primary" disabled={!may || save.isPending || check.error !== null || text.trim() === "" || text === current?.text} onClick={() => put(from)}>
            {t("goals.savePlan")}
          </Button>
        )}
        <Button kind="quiet" onClick={onDone}>
          {t("goals.discard")}
        </Button>
      </div>
    </div>
  );
}

interface StaleProps {
  newest: string;
  own: string;
  onTake: () => void;
  onKeep: () => void;
  disabled: boolean;
}

/** The plan became another one while the person was writing: what differs, and the two ways on. */
function Stale({ newest, own, onTake, onKeep, disabled }: StaleProps) {
  const { t } = useTranslation();
  const lines = useMemo(() => diffLines(newest, own), [newest, own]);
  return (
    <div role="alert" className="mt-3 rounded-lg border border-line-strong bg-sunken p-3" data-testid="stale">
      <p className="font-semibold">{t("goals.stale")}</p>
      <p className="mt-0.5 mb-3 max-w-[75ch] text-ink-2">{t("goals.staleChange")}</p>
      <FileDiffs diffs={[{ name: t("goals.plan"), lines }]} />
      <div className="mt-3 flex flex-wrap gap-2">
        <Button onClick={onTake}>{t("goals.takeNewest")}</Button>
        <Button kind="caution" disabled={disabled} onClick={onKeep}>
          {t("goals.saveOver")}
        </Button>
      </div>
    </div>
  );
}
