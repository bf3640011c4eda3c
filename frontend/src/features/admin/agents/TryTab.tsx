import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import type { AgentDetail } from "@/api/agent-types";
import { asProblem, isAbort, type Problem } from "@/api/problem";
import { AnsweredBy } from "@/features/agents/AnsweredBy";
import { AnswerChecks } from "@/features/agents/AnswerChecks";
import { withoutHalfMarker } from "@/features/chat/model/citations";
import { EMPTY_RUN, applyEvent, type RunView } from "@/features/chat/model/run";
import { followRun, startRun } from "@/features/chat/model/stream";
import { Button } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Select } from "@/ui/parts";

/** Asks a version of the agent, and shows what comes of it while it comes. */
export function TryTab({ agent }: { agent: AgentDetail }) {
  const { t } = useTranslation();
  const isInForce = agent.definition !== null && agent.enabled;
  const options = [
    ...(isInForce ? [{ value: "", label: t("agentAdmin.tryInForce") }] : []),
    ...agent.versions.map(({ number, note }) => ({ value: String(number), label: `${t("agentAdmin.version", { number })}: ${note}` })),
  ];
  const [version, setVersion] = useState(options[0]?.value ?? "");
  const [question, setQuestion] = useState("");
  const [run, setRun] = useState<RunView | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const busy = run !== null && run.end === null && problem === null;

  const ask = async () => {
    const controller = new AbortController();
    abort.current = controller;
    let shown = EMPTY_RUN;
    setProblem(null);
    setRun(shown);
    const request = { message: question.trim(), agent: agent.name, ...(version === "" ? {} : { agent_version: Number(version) }) };
    const onEvent = (event: Parameters<typeof applyEvent>[1]) => {
      shown = applyEvent(shown, event);
      setRun(shown);
    };
    try {
      await followRun(() => startRun(request, controller.signal), null, { onEvent, onConnection: () => undefined }, controller.signal);
    } catch (error) {
      if (!isAbort(error)) setProblem(asProblem(error));
    }
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (question.trim() !== "" && !busy) void ask();
  };
  if (options.length === 0) return <p className="text-ink-2">{t("agentAdmin.tryNothing")}</p>;
  return (
    <div className="max-w-3xl">
      <p className="mb-3 max-w-[75ch] text-ink-2">{t("agentAdmin.tryText")}</p>
      <form onSubmit={submit} className="space-y-3">
        <Select label={t("agentAdmin.tryVersion")} value={version} options={options} onChange={setVersion} className="w-full max-w-md" />
        <Field label={t("agentAdmin.question")}>
          {(field) => (
            <textarea
              {...field}
              value={question}
              onChange={(event) => setQuestion(event.target.value)}
              rows={2}
              maxLength={16_000}
              data-testid="try-question"
              className="field h-auto min-h-16 w-full resize-y py-2"
            />
          )}
        </Field>
        <Button kind="primary" type="submit" disabled={busy || question.trim() === ""}>
          {t("agentAdmin.ask")}
        </Button>
      </form>
      {problem !== null && <ProblemNotice problem={problem} className="mt-4" />}
      {run !== null && problem === null && <Outcome run={run} busy={busy} />}
    </div>
  );
}

function Outcome({ run, busy }: { run: RunView; busy: boolean }) {
  const { t } = useTranslation();
  const checks = run.steps.findLast(({ kind }) => kind === "verify")?.checks ?? [];
  return (
    <section aria-label={t("agentAdmin.answer")} aria-busy={busy} className="mt-4 rounded-md border border-line p-3" data-testid="try-answer" data-end={run.end ?? "running"}>
      {run.agent !== null && <AnsweredBy agent={run.agent} />}
      <p className="mt-1 whitespace-pre-wrap [overflow-wrap:anywhere]">{(busy ? withoutHalfMarker(run.text) : run.text) || "…"}</p>
      {run.error !== null && <p className="mt-2 text-danger">{run.error.detail}</p>}
      {run.citations.length > 0 && (
        <>
          <h3 className="mt-3 mb-1 text-xs font-medium text-ink-3">{t("agentAdmin.sources")}</h3>
          <ol className="space-y-1 text-sm text-ink-2">
            {run.citations.map((citation) => (
              <li key={citation.number} className="[overflow-wrap:anywhere]">
                [{citation.number}] {citation.document_name}: “{citation.quote}”
              </li>
            ))}
          </ol>
        </>
      )}
      <AnswerChecks checks={checks} />
      {run.runId !== null && !busy && (
        <Link to="/runs/$runId" params={{ runId: run.runId }} className="mt-2 inline-block text-sm text-accent underline underline-offset-2">
          {t("agentAdmin.toSteps")}
        </Link>
      )}
    </section>
  );
}
