import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import type { Place } from "@/api/gateway-types";
import type { Run } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatDuration, formatNumber } from "@/lib/format";
import { Skeleton } from "@/ui/parts";
import { heardOf } from "./model/debate";
import { isComputing } from "./model/computing";
import type { Step } from "./model/run";
import { stepsOfRun } from "./model/run-steps";

// It is there only where it is opened.
const StepList = lazy(() => import("./StepList").then((module) => ({ default: module.StepList })));

interface StepsProps {
  /** Known from events; null for an answer of an earlier visit. */
  steps: Step[] | null;
  runId: string | null;
  cited: number;
  running: boolean;
  /** Its place in the line before a model. */
  queue?: Place | null;
  /** The run came to its end, so its answer was checked. */
  complete: boolean;
}

/** What the run did, folded into one line of fixed height that opens. */
export function Steps({ steps, runId, cited, running, queue = null, complete }: StepsProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const stored = useQuery({
    queryKey: ["run", runId],
    queryFn: ({ signal }) => getJson<Run>(`/runs/${runId ?? ""}`, undefined, signal),
    enabled: open && steps === null && runId !== null,
    staleTime: Infinity,
  });
  const known = steps ?? (stored.data === undefined ? null : stepsOfRun(stored.data));
  const line = useStepsLine(known, cited, running, complete, queue);
  if (runId === null && !running) return null;
  return (
    <div className="text-sm">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        data-testid="steps"
        className="-ml-1 inline-flex h-6 items-center gap-1 rounded-sm px-1 text-ink-3 hover:text-ink touch:h-11"
      >
        <ChevronRight size={14} aria-hidden="true" className={cx("transition-transform", open && "rotate-90")} />
        <span className="tabular-nums">{line}</span>
        {running && <span aria-hidden="true" className="ml-1 size-1.5 animate-pulse-soft rounded-full bg-accent" />}
      </button>
      {open && (
        <div className="mt-1 mb-2 border-l border-line pl-3">
          {known === null && (stored.isError ? <p className="text-ink-2">{t("chat.steps.unavailable")}</p> : <Skeleton className="h-4 w-64" />)}
          {known !== null && (
            <Suspense fallback={<Skeleton className="h-4 w-64" />}>
              <StepList steps={known} />
            </Suspense>
          )}
        </div>
      )}
    </div>
  );
}

function useStepsLine(steps: Step[] | null, cited: number, running: boolean, complete: boolean, queue: Place | null): string {
  const { t } = useTranslation();
  const last = steps?.at(-1);
  if (running) {
    if (queue !== null) return t("chat.steps.waiting", { place: formatNumber(queue.position), time: formatDuration(Math.max(1000, Math.round(queue.estimate_ms / 1000) * 1000)) });
    if (last === undefined) return t("chat.steps.starting");
    if (last.kind === "observe" && !last.done) return t("chat.steps.searching");
    if (last.kind === "deliberate") {
      const debate = last.debate;
      return debate === null ? t("chat.steps.deliberating") : t("chat.steps.heard", { said: heardOf(debate), asked: debate.asked.length, turn: debate.turn, of: debate.of });
    }
    if (last.kind === "person") return t("chat.steps.asking");
    if (last.kind === "tool") return t(isComputing(last) ? "chat.steps.computing" : "chat.steps.readingOn");
    return t(last.kind === "verify" ? "chat.steps.checking" : "chat.steps.reading");
  }
  const found = steps?.findLast((step) => step.kind === "observe")?.passages?.length;
  const checked = steps === null ? complete : steps.some((step) => step.kind === "verify" && step.done);
  const parts = [
    found === undefined ? t("chat.steps.searchedSome") : t("chat.steps.searched", { count: found }),
    ...(cited > 0 ? [t("chat.steps.read", { count: cited })] : []),
    ...(checked ? [t("chat.steps.checked")] : []),
  ];
  const text = parts.join(" · ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

