import { Link } from "@tanstack/react-router";
import { Circle, CircleCheck, CircleX, ExternalLink, X, type LucideIcon } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { GoalStep } from "@/api/goal-types";
import type { Tier } from "@/api/types";
import { problemOfMessage } from "@/features/chat/model/refusal";
import { formatDuration } from "@/lib/format";
import { IconButton } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Time } from "@/ui/parts";
import { useShownGoal } from "./context";
import { checkStates, type CheckState } from "./model/checks";
import { reasonOf } from "./model/reason";
import { Fact, KIND_ICONS, StepState, useCheckText, useStepText } from "./parts";
import { Answer } from "./Report";

/** The step that is looked at, over the whole screen of a phone. */
export function StepPanel() {
  const { goal, picked } = useShownGoal();
  const step = goal.steps.find(({ name }) => name === picked);
  return step === undefined ? null : <div className="min-h-0 flex-1 overflow-y-auto p-4"><StepDetails step={step} /></div>;
}

/** The step that is looked at, below the plan. */
export function StepBelow() {
  const { t } = useTranslation();
  const { goal, picked } = useShownGoal();
  const step = goal.steps.find(({ name }) => name === picked);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (picked !== undefined) place.current?.scrollIntoView({ block: "nearest" });
  }, [picked]);
  if (step === undefined) return <p className="mt-3 text-ink-2">{t("goals.pickStep")}</p>;
  return (
    <div ref={place} className="mt-3 scroll-my-4 rounded-lg border border-line p-4">
      <StepDetails step={step} />
    </div>
  );
}

function StepDetails({ step }: { step: GoalStep }) {
  const { t } = useTranslation();
  const { pickStep } = useShownGoal();
  const stepText = useStepText();
  const Icon = KIND_ICONS[step.kind];
  // The list of checks says it all where it says of each what became of it.
  const told = step.error?.code === "check_failed" && step.expects.length > 0 && !checkStates(step).includes("open");
  return (
    <section aria-label={t("goals.stepDetails", { name: step.name })} data-testid="step-details">
      <header className="flex items-center gap-2">
        <Icon size={16} aria-hidden="true" className="shrink-0 text-ink-3" />
        <h3 className="flex min-w-0 flex-1 flex-wrap items-baseline gap-x-2 font-semibold">
          {t(`goals.kind.${step.kind}`)}
          <span className="font-mono text-sm font-medium [overflow-wrap:anywhere]">{step.name}</span>
        </h3>
        <StepState status={step.status} className="text-sm" />
        <IconButton label={t("goals.closeStep")} onClick={() => pickStep(null)}>
          <X size={16} aria-hidden="true" />
        </IconButton>
      </header>
      {step.kind !== "check" && <p className="mt-1 max-w-[75ch] text-md [overflow-wrap:anywhere] whitespace-pre-line">{stepText(step)}</p>}
      <Facts step={step} />
      {step.reason !== null && <Why words={step.reason} />}
      <Decision step={step} />
      {step.expects.length > 0 && <Checks step={step} />}
      {step.error !== null && step.kind !== "person" && !told && <ProblemNotice problem={problemOfMessage(step)} className="mt-3 max-w-3xl" />}
      {(step.kind === "ask" || step.kind === "report") && <Answered step={step} />}
    </section>
  );
}

/** Why it was skipped or stopped. */
function Why({ words }: { words: string }) {
  const { t } = useTranslation();
  const reason = reasonOf(words);
  return <p className="mt-2 text-ink-2">{reason === null ? `${words.charAt(0).toUpperCase()}${words.slice(1)}.` : t(`goals.reason.${reason}`)}</p>;
}

function Facts({ step }: { step: GoalStep }) {
  const { t } = useTranslation();
  const { pickStep } = useShownGoal();
  const { after, join, join_count, rounds, round, tier, agent, started_at, finished_at } = step;
  return (
    <dl className="mt-2 flex flex-wrap gap-x-8 gap-y-2 text-sm tabular-nums">
      <Fact name={t("goals.needs")}>
        {after.length === 0 ? (
          t("goals.needsNothing")
        ) : (
          <>
            <span className="flex flex-wrap gap-x-3">
              {after.map((name) => (
                <button key={name} type="button" onClick={() => pickStep(name)} className="font-mono text-xs leading-5 text-accent underline underline-offset-2 touch:min-h-6">
                  {name}
                </button>
              ))}
            </span>
            {join !== "all" && <span className="text-ink-2">{join === "at_least" ? t("goals.joinText.at_least", { count: join_count ?? 1 }) : t(`goals.joinText.${join}`)}</span>}
          </>
        )}
      </Fact>
      {rounds > 1 && <Fact name={t("goals.round")}>{t("goals.roundOf", { round, rounds })}</Fact>}
      {tier !== null && <Fact name={t("goals.tier")}>{t(`tiers.${tier as Tier}`)}</Fact>}
      {agent !== null && (
        <Fact name={t("goals.agent")}>
          <span className="font-mono text-xs">{agent}</span>
        </Fact>
      )}
      {started_at !== null && (
        <Fact name={t("goals.started")}>
          <Time value={started_at} long />
        </Fact>
      )}
      {started_at !== null && finished_at !== null && <Fact name={t("goals.took")}>{formatDuration(Date.parse(finished_at) - Date.parse(started_at))}</Fact>}
    </dl>
  );
}

/** What the person said at a gate. */
function Decision({ step }: { step: GoalStep }) {
  const { t } = useTranslation();
  if (step.kind !== "person" || (step.status !== "done" && step.status !== "failed")) return null;
  return (
    <div className="mt-2" data-testid="decision">
      <p className="font-medium">{t(step.status === "done" ? "goals.decidedYes" : "goals.decidedNo")}</p>
      {step.note !== null && <p className="border-l-2 border-line-strong pl-2 [overflow-wrap:anywhere] whitespace-pre-line text-ink-2">{step.note}</p>}
    </div>
  );
}

const CHECK_LOOKS: Record<CheckState, { icon: LucideIcon; colour: string }> = {
  met: { icon: CircleCheck, colour: "text-accent" },
  unmet: { icon: CircleX, colour: "text-danger" },
  open: { icon: Circle, colour: "text-ink-3" },
};

function Checks({ step }: { step: GoalStep }) {
  const { t } = useTranslation();
  const checkText = useCheckText();
  const states = checkStates(step);
  return (
    <>
      <h4 className="mt-3 text-xs text-ink-3">{t("goals.checks")}</h4>
      <ul data-testid="checks">
        {step.expects.map((check, at) => {
          const state = states[at] ?? "open";
          const { icon: Icon, colour } = CHECK_LOOKS[state];
          return (
            <li key={at} className="flex items-start gap-1.5" data-state={state}>
              <Icon size={14} aria-hidden="true" className={`mt-[3px] shrink-0 ${colour}`} />
              <span className="min-w-0 [overflow-wrap:anywhere]">
                {checkText(check)} <span className={`text-sm ${colour}`}>{t(`goals.checkState.${state}`)}</span>
              </span>
            </li>
          );
        })}
      </ul>
    </>
  );
}

function Answered({ step }: { step: GoalStep }) {
  const { t } = useTranslation();
  const running = step.status === "running";
  const { answer, run_id } = step;
  if (answer === null && !running) return null;
  return (
    <div className="mt-3 max-w-3xl" data-testid="step-answer">
      <h4 className="text-xs text-ink-3">{t("goals.answer")}</h4>
      {answer === null || (running && answer.content === "") ? <p className="text-ink-2">{t("goals.working")}</p> : <Answer answer={answer} running={running} />}
      {run_id !== null && (
        <Link to="/runs/$runId" params={{ runId: run_id }} className="inline-flex min-h-6 items-center gap-1 text-sm text-accent underline underline-offset-2 touch:min-h-11">
          {t("goals.toRun")}
          <ExternalLink size={14} aria-hidden="true" />
        </Link>
      )}
    </div>
  );
}
