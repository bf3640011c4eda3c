import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CirclePause,
  CircleStop,
  CircleX,
  FileText,
  Hand,
  ListChecks,
  LoaderCircle,
  MessageCircleQuestionMark,
  NotebookPen,
  SkipForward,
  UserRound,
  type LucideIcon,
} from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { GoalCheck, GoalStatus, PlanStep, PlanVersion, StepKind, StepStatus } from "@/api/goal-types";
import { session } from "@/api/session";
import { cx } from "@/lib/cx";
import { useStore } from "@/lib/store";

interface Look {
  icon: LucideIcon;
  colour: string;
}

const STEP_LOOKS: Record<StepStatus, Look> = {
  pending: { icon: CircleDashed, colour: "text-ink-3" },
  ready: { icon: CircleDot, colour: "text-ink-2" },
  running: { icon: LoaderCircle, colour: "text-accent" },
  waiting: { icon: Hand, colour: "text-class-confidential" },
  done: { icon: CircleCheck, colour: "text-accent" },
  failed: { icon: CircleX, colour: "text-danger" },
  skipped: { icon: SkipForward, colour: "text-ink-3" },
  stopped: { icon: CircleStop, colour: "text-ink-3" },
};

const GOAL_LOOKS: Record<GoalStatus, Look> = {
  planning: { icon: NotebookPen, colour: "text-accent" },
  proposed: { icon: Hand, colour: "text-class-confidential" },
  running: { icon: LoaderCircle, colour: "text-accent" },
  paused: { icon: CirclePause, colour: "text-ink-2" },
  finished: { icon: CircleCheck, colour: "text-accent" },
  failed: { icon: CircleX, colour: "text-danger" },
  cancelled: { icon: Ban, colour: "text-ink-3" },
};

export const KIND_ICONS: Record<StepKind, LucideIcon> = { ask: MessageCircleQuestionMark, person: UserRound, check: ListChecks, report: FileText };

function Look({ icon: Icon, colour, busy, text, className }: Look & { busy: boolean; text: string; className?: string | undefined }) {
  return (
    <span className={cx("inline-flex items-center gap-1 whitespace-nowrap", colour, className)}>
      <Icon size={14} aria-hidden="true" className={cx("shrink-0", busy && "animate-spin [animation-duration:1.6s]")} />
      {text}
    </span>
  );
}

/** Where a step stands: its colour, its sign and its word. */
export function StepState({ status, className }: { status: StepStatus; className?: string }) {
  const { t } = useTranslation();
  return <Look {...STEP_LOOKS[status]} busy={status === "running"} text={t(`goals.step.${status}`)} className={className} />;
}

/** Where a goal stands. */
export function GoalState({ status, waits = false, className }: { status: GoalStatus; waits?: boolean; className?: string }) {
  const { t } = useTranslation();
  // While it waits for the person, that is what there is to know of it.
  if (status === "running" && waits) return <Look {...STEP_LOOKS.waiting} busy={false} text={t("goals.step.waiting")} className={className} />;
  return <Look {...GOAL_LOOKS[status]} busy={status === "running"} text={t(`goals.status.${status}`)} className={className} />;
}

/** A demand on an answer, in words. */
export function useCheckText() {
  const { t } = useTranslation();
  return ({ kind, text, count }: GoalCheck): string => {
    if (kind === "answered") return t("goals.check.answered");
    if (kind === "documents") return t("goals.check.documents", { count: count ?? 0 });
    return t(`goals.check.${kind}`, { text: text ?? "" });
  };
}

/** What a step does, in words: its question, what a person decides, what is checked. */
export function useStepText() {
  const { t } = useTranslation();
  const checkText = useCheckText();
  return ({ kind, text, expects }: PlanStep): string => {
    if (kind === "report") return t("goals.reportText");
    return kind === "check" ? expects.map(checkText).join(" · ") : (text ?? "");
  };
}

/** How many of the steps that it needs have to come about, where that is not all of them. The report is written whatever became of them. */
export function useJoinText() {
  const { t } = useTranslation();
  return ({ kind, join, join_count, after }: PlanStep): string | null => {
    if (join === "all" || kind === "report" || after.length === 0) return null;
    if (join === "any") return t("goals.join.any", { count: after.length });
    return join === "settled" ? t("goals.join.settled") : t("goals.join.at_least", { least: join_count ?? 1, count: after.length });
  };
}

/** Who wrote a version of a plan. */
export function useAuthorText() {
  const { t } = useTranslation();
  const own = useStore(session, (value) => value?.user.id);
  return ({ made_by, model }: Pick<PlanVersion, "made_by" | "model">): string =>
    made_by === null ? t("goals.byModel", { model: model ?? "" }) : t(made_by === own ? "goals.byYou" : "goals.byPerson");
}

/** A name and what it is; with its share of what it may be at most. */
export function Fact({ name, share = null, children }: { name: string; share?: number | null; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="[overflow-wrap:anywhere]">
        {children}
        {share !== null && (
          <span aria-hidden="true" className="mt-0.5 block h-1 w-full max-w-24 overflow-hidden rounded-full bg-line">
            <span className={share >= 1 ? "block h-full bg-danger" : "block h-full bg-accent"} style={{ width: `${Math.min(1, share) * 100}%` }} />
          </span>
        )}
      </dd>
    </div>
  );
}
