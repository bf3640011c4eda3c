import { Link, getRouteApi } from "@tanstack/react-router";
import { ArrowLeft, EyeOff, Target } from "lucide-react";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Goal } from "@/api/goal-types";
import { asProblem, type Problem } from "@/api/problem";
import type { Citation } from "@/api/types";
import { problemOfMessage } from "@/features/chat/model/refusal";
import { parseSourceKey } from "@/features/chat/model/citations";
import { useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle, useMediaQuery } from "@/lib/hooks";
import { Sheet } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton } from "@/ui/parts";
import { GoalContext } from "./context";
import { isFinal, useGoalEvents } from "./follow";
import { Gates } from "./Gates";
import { GoalHeader } from "./GoalHeader";
import { news } from "./model/news";
import { PlanSection } from "./PlanSection";
import { hasEnded, useGoal } from "./queries";
import { Report } from "./Report";
import { StepPanel } from "./StepDetails";
import "./texts";

const CitedSource = lazy(() => import("@/features/chat/SourcePanel").then((module) => ({ default: module.CitedSource })));
const route = getRouteApi("/app/goals/$goalId");
const TITLE_CHARS = 80;
const NONE: Citation[] = [];

/** A goal: how it stands, what waits for the person, what came of it, its plan live, and each step with its answer. */
export function GoalPage() {
  const { t } = useTranslation();
  const { goalId } = route.useParams();
  const query = useGoal(goalId);
  const problem = query.error === null ? null : asProblem(query.error);
  useDocumentTitle(query.data === undefined || query.data.goal === "" ? t("goals.goal") : query.data.goal.slice(0, TITLE_CHARS));
  const retry = () => void query.refetch();
  // A fault passes, and what is shown is followed on meanwhile; a refusal stays.
  const refused = isFinal(problem) ? problem : null;
  if (query.data !== undefined && problem?.status !== 404) return <Shown key={goalId} goal={query.data} refused={refused} onRetry={retry} />;
  return (
    <div className="h-full overflow-y-auto px-4 pt-3">
      <BackLink />
      {problem === null ? (
        <div className="mt-2 space-y-3" aria-busy="true">
          <Skeleton className="h-6 w-96 max-w-full" />
          <Skeleton className="h-12" />
          <Skeleton className="h-64" />
        </div>
      ) : problem.status === 404 ? (
        <EmptyState page icon={<Target size={28} />} title={t("goals.gone")} text={t("goals.goneText")} />
      ) : (
        <ProblemNotice problem={problem} onRetry={retry} />
      )}
    </div>
  );
}

function BackLink() {
  const { t } = useTranslation();
  return (
    <Link to="/goals" className="control -ml-1 gap-1 rounded-md px-1 text-sm text-ink-2 hover:text-ink">
      <ArrowLeft size={14} aria-hidden="true" />
      {t("goals.back")}
    </Link>
  );
}

interface ShownProps {
  goal: Goal;
  /** Why it may not be read any more. */
  refused: Problem | null;
  onRetry: () => void;
}

function Shown({ goal, refused, onRetry }: ShownProps) {
  const { t } = useTranslation();
  const { step: picked, source: sourceParam } = route.useSearch();
  const navigate = route.useNavigate();
  const broken = useGoalEvents(goal.id, !hasEnded(goal.status) && refused === null);
  const source = useMemo(() => (sourceParam === undefined ? null : parseSourceKey(sourceParam)), [sourceParam]);
  const openSource = useCallback(
    (key: string | null) => void navigate({ search: (old) => ({ ...old, source: key ?? undefined }), replace: sourceParam !== undefined }),
    [navigate, sourceParam],
  );
  const pickStep = useCallback(
    (name: string | null) => void navigate({ search: { step: name ?? undefined }, replace: true }),
    [navigate],
  );
  const [changing, setChanging] = useState(false);
  const context = useMemo(() => ({ goal, source, openSource, picked, pickStep, changing, setChanging }), [goal, source, openSource, picked, pickStep, changing]);
  useHotkeys({ ...(source !== null ? { Escape: () => openSource(null) } : picked !== undefined ? { Escape: () => pickStep(null) } : {}) });
  const sideBySide = useMediaQuery("(min-width: 64rem)");
  const cited = goal.steps.find(({ answer }) => answer !== null && answer.id === source?.messageId)?.answer?.citations ?? NONE;
  const panel = source !== null && (
    <Suspense fallback={<Skeleton className="m-4 h-64" />}>
      <CitedSource messageId={source.messageId} number={source.number} citations={cited} openSource={openSource} />
    </Suspense>
  );
  return (
    <GoalContext value={context}>
      <div className="flex h-full">
        <section className="@container min-w-0 flex-1 overflow-y-auto" aria-label={t("goals.goal")}>
          <div className="px-4 pt-3 pb-10">
            <BackLink />
            {refused !== null && <ProblemNotice problem={refused} onRetry={onRetry} className="mt-2 max-w-3xl" />}
            {goal.withheld ? (
              <Withheld />
            ) : (
              <>
                <GoalHeader />
                {broken && (
                  <p role="status" className="mt-3 text-sm text-ink-2">
                    {t("goals.reconnecting")}
                  </p>
                )}
                {goal.error !== null && <ProblemNotice problem={problemOfMessage(goal)} className="mt-4 max-w-3xl" />}
                <Gates />
                <Report />
                <PlanSection />
              </>
            )}
          </div>
        </section>
        {sideBySide && panel !== false && (
          <aside className="flex w-[min(44vw,44rem)] min-w-96 shrink-0 flex-col border-l border-line bg-sunken xl:w-[38vw]" aria-label={t("source.title")}>
            {panel}
          </aside>
        )}
      </div>
      {!sideBySide && (
        <>
          <Sheet side="right" open={picked !== undefined && source === null} onOpenChange={(open) => !open && pickStep(null)} title={t("goals.stepDetails", { name: picked ?? "" })}>
            <StepPanel />
          </Sheet>
          <Sheet side="right" open={source !== null} onOpenChange={(open) => !open && openSource(null)} title={t("source.title")}>
            {panel}
          </Sheet>
        </>
      )}
      <Announcer goal={goal} />
    </GoalContext>
  );
}

/** Tells a screen reader how steps go on. */
function Announcer({ goal }: { goal: Goal }) {
  const { t } = useTranslation();
  const [seen, setSeen] = useState(goal);
  const [text, setText] = useState("");
  if (goal !== seen) {
    setSeen(goal);
    const told = news(seen, goal).map((item) =>
      item.kind === "goal" ? t("goals.newsGoal", { status: t(`goals.status.${item.status}`) }) : t("goals.newsStep", { name: item.name, status: t(`goals.step.${item.status}`) }),
    );
    if (told.length > 0) setText(told.join(" "));
  }
  return (
    <div role="status" className="sr-only" data-testid="goal-news">
      {text}
    </div>
  );
}

function Withheld() {
  const { t } = useTranslation();
  return <EmptyState page icon={<EyeOff size={28} />} title={t("goals.withheld")} text={t("goals.withheldText")} />;
}
