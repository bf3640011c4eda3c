import { Hand } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { GoalStep } from "@/api/goal-types";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { focusPlan, useShownGoal } from "./context";
import { hasEnded, useGoalAction } from "./queries";

const MAX_NOTE_CHARS = 1000;

/** The gates that wait for the person, above everything else. */
export function Gates() {
  const { goal } = useShownGoal();
  if (hasEnded(goal.status)) return null;
  const waiting = goal.steps.filter(({ status, kind }) => kind === "person" && status === "waiting");
  return waiting.map((step) => <Gate key={step.name} step={step} />);
}

function Gate({ step }: { step: GoalStep }) {
  const { t } = useTranslation();
  const { goal, pickStep } = useShownGoal();
  const [note, setNote] = useState("");
  const decide = useGoalAction(goal.id, focusPlan);
  const say = (approve: boolean) =>
    decide.mutate({ method: "POST", path: "decide", body: { step: step.name, approve, ...(note.trim() === "" ? {} : { note: note.trim() }) } });
  const before = step.after.filter((name) => goal.steps.some((other) => other.name === name && other.answer !== null));
  return (
    <section className="mt-4 max-w-3xl rounded-lg border border-l-4 border-line-strong border-l-class-confidential bg-raised p-4" aria-label={t("goals.gateStep", { name: step.name })} data-testid="gate">
      <h2 className="flex items-center gap-2 text-sm font-semibold text-class-confidential">
        <Hand size={16} aria-hidden="true" />
        {t("goals.gate")}
        <span className="font-mono text-xs font-normal text-ink-3">{step.name}</span>
      </h2>
      <p className="mt-1 text-md [overflow-wrap:anywhere] whitespace-pre-line">{step.text}</p>
      {before.length > 0 && (
        <p className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-ink-2">
          {t("goals.gateFound")}
          {before.map((name) => (
            <button key={name} type="button" onClick={() => pickStep(name)} className="font-mono text-xs text-accent underline underline-offset-2 touch:min-h-11">
              {name}
            </button>
          ))}
        </p>
      )}
      <Field label={t("goals.gateNote")} hint={t("goals.gateNoteHint")} className="mt-3">
        {(control) => (
          <textarea
            {...control}
            value={note}
            rows={1}
            maxLength={MAX_NOTE_CHARS}
            onChange={(event) => setNote(event.target.value)}
            className="field-sizing-content block max-h-40 min-h-8 w-full rounded-md border border-line-strong bg-ground px-2 py-1 touch:min-h-11 touch:py-2"
          />
        )}
      </Field>
      <div className="mt-3 flex items-center justify-between gap-4">
        <Button kind="primary" disabled={decide.isPending} onClick={() => say(true)}>
          {t("goals.gateYes")}
        </Button>
        <Button kind="caution" disabled={decide.isPending} onClick={() => say(false)}>
          {t("goals.gateNo")}
        </Button>
      </div>
      {decide.error !== null && <ProblemNotice problem={asProblem(decide.error)} className="mt-3" />}
    </section>
  );
}
