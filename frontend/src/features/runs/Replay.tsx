import { useMutation } from "@tanstack/react-query";
import { RotateCcw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import { Problem, asProblem } from "@/api/problem";
import type { RunReplay } from "@/api/types";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton, Status } from "@/ui/parts";

/** Has the run repeated from its records, and says whether the same came of it. */
export function Replay({ runId }: { runId: string }) {
  const { t } = useTranslation();
  const replay = useMutation({ mutationFn: () => getJson<RunReplay>(`/runs/${runId}/replay`) });
  return (
    <section aria-label={t("runs.replay")} className="mb-4">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Button disabled={replay.isPending} onClick={() => replay.mutate()}>
          <RotateCcw size={14} aria-hidden="true" />
          {t("runs.replay")}
        </Button>
        <p className="min-w-0 flex-1 basis-64 text-sm text-ink-2">{t("runs.replayText")}</p>
      </div>
      <div aria-live="polite" aria-busy={replay.isPending}>
        {replay.isPending && <Skeleton className="mt-2 h-10" />}
        {replay.error !== null && <ProblemNotice problem={asProblem(replay.error)} className="mt-2" />}
        {replay.isSuccess && <Outcome replay={replay.data} />}
      </div>
    </section>
  );
}

function Outcome({ replay }: { replay: RunReplay }) {
  const { t } = useTranslation();
  const same = replay.is_whole && replay.same_text && replay.same_citations;
  return (
    <div data-testid="replay" className="mt-2 rounded-md border border-line p-3">
      <p className="flex flex-wrap gap-x-3">
        <Status tone={same ? "accent" : "caution"}>{t(verdictOf(replay))}</Status>
        <span className="text-ink-2 tabular-nums">{t("runs.replayedSteps", { count: replay.steps })}</span>
      </p>
      {replay.is_proved !== null && (
        <p className={replay.is_proved ? "mt-1 text-ink-2" : "mt-1 text-danger"}>{t(replay.is_proved ? "runs.proved" : "runs.notProved")}</p>
      )}
      {replay.problem !== null && <ProblemNotice problem={problemOfReplay(replay.problem)} className="mt-2" />}
      {replay.is_whole && replay.text !== null && replay.text !== "" && (
        <>
          <p className="mt-2 text-xs text-ink-3">{t("runs.replayedAnswer")}</p>
          <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">{replay.text}</p>
        </>
      )}
    </div>
  );
}

function problemOfReplay({ code, detail }: NonNullable<RunReplay["problem"]>): Problem {
  return new Problem({ code, detail });
}

function verdictOf({ same_text, same_citations, is_whole, problem }: RunReplay) {
  if (problem !== null) return "runs.replayStopped" as const;
  // A run that was stopped or failed has no answer that its records could lead to.
  if (!is_whole) return "runs.replayNoEnd" as const;
  if (!same_text) return "runs.replayOther" as const;
  return same_citations ? ("runs.replaySame" as const) : ("runs.replayOtherCitations" as const);
}
