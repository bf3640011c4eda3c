import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { AnsweredBy } from "@/features/agents/AnsweredBy";
import { AnswerContent, AnswerFacts, CopyButton } from "@/features/chat/AnswerContent";
import { useDescribeCitation } from "@/features/chat/CitationChip";
import { sourceKey, withSources } from "@/features/chat/model/citations";
import type { Message } from "@/api/types";
import { useShownGoal } from "./context";

/** What came of the goal, above the way there. */
export function Report() {
  const { t } = useTranslation();
  const { goal } = useShownGoal();
  const step = goal.steps.find(({ kind }) => kind === "report");
  const answer = step?.answer ?? null;
  const running = step?.status === "running";
  if (step?.status !== "done" && !running) return null;
  return (
    <section className="mt-5 max-w-3xl" aria-labelledby="goal-result" aria-busy={running} data-testid="report">
      <h2 id="goal-result" className="text-md font-semibold">
        {t("goals.result")}
      </h2>
      {running && (answer === null || answer.content === "") && <p className="mt-1 text-ink-2">{t("goals.resultWriting")}</p>}
      {answer !== null && <Answer answer={answer} running={running} />}
      {answer?.answered === false && !running && <Found />}
    </section>
  );
}

/** The report has no words for the goal, but steps have answers. */
function Found() {
  const { t } = useTranslation();
  const { goal, pickStep } = useShownGoal();
  const found = goal.steps.filter(({ kind, answer }) => kind === "ask" && answer?.answered === true);
  if (found.length === 0) return null;
  return (
    <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-ink-2" data-testid="found">
      {t("goals.foundAlone")}
      {found.map(({ name }) => (
        <button key={name} type="button" onClick={() => pickStep(name)} className="font-mono text-xs text-accent underline underline-offset-2 touch:min-h-11">
          {name}
        </button>
      ))}
    </p>
  );
}

/** What a step has answered, with its citations and what there is to know of it. */
export function Answer({ answer, running }: { answer: Message; running: boolean }) {
  const { source, openSource } = useShownGoal();
  const describe = useDescribeCitation();
  const { id } = answer;
  const onOpen = useCallback((number: number) => openSource(sourceKey(id, number)), [id, openSource]);
  return (
    <>
      {answer.agent !== null && <AnsweredBy agent={answer.agent} />}
      <AnswerContent message={answer} running={running} open={source?.messageId === id ? source.number : null} onOpen={onOpen} />
      {!running && (
        <footer className="mt-1 flex min-h-8 flex-wrap items-center gap-x-1 text-xs text-ink-3">
          <AnswerFacts message={answer} />
          <span className="flex-1" />
          {!answer.withheld && <CopyButton text={() => withSources(answer.content, answer.citations, describe)} />}
        </footer>
      )}
    </>
  );
}
