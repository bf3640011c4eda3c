import { Link } from "@tanstack/react-router";
import { Square } from "lucide-react";
import { Suspense, lazy, useEffect, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import type { AgentDetail } from "@/api/agent-types";
import { AnsweredBy } from "@/features/agents/AnsweredBy";
import { AnswerChecks } from "@/features/agents/AnswerChecks";
import { AnswerContent } from "@/features/chat/AnswerContent";
import { Announcer } from "@/features/chat/Announcer";
import { parseSourceKey } from "@/features/chat/model/citations";
import { ConversationModel } from "@/features/chat/model/conversation";
import { problemOfMessage } from "@/features/chat/model/refusal";
import { InjectionNotice } from "@/features/chat/Notices";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { Sheet } from "@/ui/Dialog";
import { Field } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Select, Skeleton } from "@/ui/parts";

const CitedSource = lazy(() => import("@/features/chat/SourcePanel").then((module) => ({ default: module.CitedSource })));

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
  const [model, setModel] = useState(() => new ConversationModel(null));
  useEffect(() => () => model.dispose(), [model]);
  const phase = useStore(model.store, (state) => state.phase);
  const busy = phase !== "idle";

  const ask = () => {
    // Each question stands by itself.
    const next = new ConversationModel(null);
    next.ask(question.trim(), { agent: agent.name, ...(version === "" ? {} : { agent_version: Number(version) }) });
    setModel(next);
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (question.trim() !== "" && !busy) ask();
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
        <div className="flex flex-wrap gap-2">
          <Button kind="primary" type="submit" disabled={busy || question.trim() === ""}>
            {t("agentAdmin.ask")}
          </Button>
          {busy && (
            <Button disabled={phase === "stopping"} onClick={() => void model.stop()} data-testid="try-stop">
              <Square size={12} fill="currentColor" aria-hidden="true" />
              {t(phase === "stopping" ? "chat.stopping" : "chat.stop")}
            </Button>
          )}
        </div>
      </form>
      {phase === "reconnecting" && (
        <p role="status" className="mt-4 text-sm text-ink-2">
          {t("chat.reconnecting")}
        </p>
      )}
      <Outcome key={model.key} model={model} />
      <Announcer model={model} />
    </div>
  );
}

/** What came of the question, as the chat shows it, with what the agent asks of the answer. */
function Outcome({ model }: { model: ConversationModel }) {
  const { t } = useTranslation();
  const { live, messages, pending, problem, runs } = useStore(model.store, (state) => state);
  const [open, setOpen] = useState<number | null>(null);
  const answer = [...messages.values()].findLast(({ role }) => role === "assistant");
  if (answer === undefined) {
    if (problem !== null) return <ProblemNotice problem={problem} className="mt-4" />;
    return pending === null ? null : <Skeleton className="mt-4 h-16" />;
  }
  const running = live !== null;
  const run = live ?? runs.get(answer.id) ?? null;
  const shown = live === null ? answer : { ...answer, content: live.text, citations: live.citations };
  const agent = run?.agent ?? answer.agent;
  const checks = run?.steps.findLast(({ kind }) => kind === "verify")?.checks ?? [];
  return (
    <>
      <section aria-label={t("agentAdmin.answer")} aria-busy={running} className="mt-4 rounded-md border border-line p-3" data-testid="try-answer" data-end={run?.end ?? "running"}>
        {agent !== null && <AnsweredBy agent={agent} />}
        {run?.injectionSuspected === true && <InjectionNotice />}
        <AnswerContent message={shown} running={running} open={open} onOpen={setOpen} />
        {shown.status === "stopped" && !running && <p className="mt-2 text-sm text-ink-3">{t("chat.stopped")}</p>}
        {shown.status === "failed" && !running && <ProblemNotice problem={problemOfMessage(shown)} className="mt-3" />}
        <AnswerChecks checks={checks} />
        {shown.run_id !== null && !running && (
          <Link to="/runs/$runId" params={{ runId: shown.run_id }} className="mt-2 inline-block text-sm text-accent underline underline-offset-2">
            {t("agentAdmin.toSteps")}
          </Link>
        )}
      </section>
      {/* A failure on the way stands with the answer. */}
      {problem !== null && shown.status !== "failed" && <ProblemNotice problem={problem} className="mt-3" />}
      <Sheet side="right" open={open !== null} onOpenChange={(isOpen) => !isOpen && setOpen(null)} title={t("source.title")}>
        <Suspense fallback={<Skeleton className="m-4 h-64" />}>
          <CitedSource messageId={shown.id} number={open} citations={shown.citations} openSource={(key) => setOpen(key === null ? null : (parseSourceKey(key)?.number ?? null))} />
        </Suspense>
      </Sheet>
    </>
  );
}
