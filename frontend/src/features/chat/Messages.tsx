import { ChevronLeft, ChevronRight, Pencil, RotateCw } from "lucide-react";
import { lazy, Suspense, useCallback, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import type { AnsweringAgent } from "@/api/agent-types";
import type { Message } from "@/api/types";
import { AnsweredBy } from "@/features/agents/AnsweredBy";
import { useStore } from "@/lib/store";
import { Button, IconButton } from "@/ui/Button";
import { Skeleton } from "@/ui/parts";
import { ProblemNotice, isRefusal } from "@/ui/ProblemNotice";
import { AnswerContent, AnswerFacts, CopyButton } from "./AnswerContent";
import { useDescribeCitation } from "./CitationChip";
import { useChat } from "./context";
import { sourceKey, withSources } from "./model/citations";
import { problemOfMessage } from "./model/refusal";
import type { PathItem } from "./model/tree";
import { InjectionNotice, Withheld } from "./Notices";
import { Steps } from "./Steps";

const QuestionCard = lazy(() => import("@/features/asking/QuestionCard").then((module) => ({ default: module.QuestionCard })));
const RememberButton = lazy(() => import("@/features/memory/RememberButton").then((module) => ({ default: module.RememberButton })));

const ACTIONS =
  "flex items-center gap-0.5 text-ink-3 transition-opacity hoverable:opacity-0 hoverable:group-hover:opacity-100 hoverable:group-focus-within:opacity-100";

function Branches({ siblings, index }: Pick<PathItem, "siblings" | "index">) {
  const { t } = useTranslation();
  const { model, busy } = useChat();
  if (siblings.length < 2) return null;
  const go = (step: number) => {
    const target = siblings[index + step];
    if (target !== undefined) model.show(target);
  };
  return (
    <div className="flex items-center text-xs text-ink-2 tabular-nums" data-testid="branches">
      <IconButton label={t("chat.previousVersion")} disabled={index === 0 || busy} onClick={() => go(-1)}>
        <ChevronLeft size={14} aria-hidden="true" />
      </IconButton>
      <span>{t("chat.versionOf", { number: index + 1, count: siblings.length })}</span>
      <IconButton label={t("chat.nextVersion")} disabled={index === siblings.length - 1 || busy} onClick={() => go(1)}>
        <ChevronRight size={14} aria-hidden="true" />
      </IconButton>
    </div>
  );
}

export function QuestionText({ text }: { text: string }) {
  return (
    <p className="ml-auto w-fit max-w-[85%] rounded-lg bg-sunken px-3 py-2 text-md whitespace-pre-wrap [overflow-wrap:anywhere] border border-line">
      {text}
    </p>
  );
}

export function Question({ message, siblings, index }: PathItem) {
  const { t } = useTranslation();
  const { model, busy } = useChat();
  const [editing, setEditing] = useState(false);
  if (editing) {
    return (
      <EditQuestion
        text={message.content}
        onCancel={() => setEditing(false)}
        onSend={(text) => {
          setEditing(false);
          model.edit(message, text);
        }}
      />
    );
  }
  return (
    <article className="group" aria-label={t("chat.you")} data-testid="question">
      {message.withheld ? <Withheld message={message} /> : <QuestionText text={message.content} />}
      <div className="flex min-h-8 items-center justify-end gap-1 touch:min-h-11">
        {!message.withheld && (
          <div className={ACTIONS}>
            <CopyButton text={() => message.content} />
            <IconButton label={t("chat.edit")} disabled={busy} onClick={() => setEditing(true)}>
              <Pencil size={14} aria-hidden="true" />
            </IconButton>
          </div>
        )}
        <Branches siblings={siblings} index={index} />
      </div>
    </article>
  );
}

function EditQuestion({ text, onCancel, onSend }: { text: string; onCancel: () => void; onSend: (text: string) => void }) {
  const { t } = useTranslation();
  const [value, setValue] = useState(text);
  const ready = value.trim() !== "" && value.trim() !== text;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onCancel();
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      if (ready) onSend(value.trim());
    }
  };
  return (
    <div className="rounded-lg border border-line-strong bg-raised p-2">
      <textarea
        // eslint-disable-next-line jsx-a11y/no-autofocus -- the person has just asked to edit
        autoFocus
        aria-label={t("chat.edit")}
        value={value}
        rows={2}
        onChange={(event) => setValue(event.target.value)}
        onKeyDown={onKeyDown}
        className="field-sizing-content max-h-64 min-h-12 w-full resize-none bg-transparent px-1 text-md outline-none"
      />
      <div className="mt-1 flex justify-end gap-2">
        <Button kind="quiet" onClick={onCancel}>
          {t("common.cancel")}
        </Button>
        <Button kind="primary" disabled={!ready} onClick={() => onSend(value.trim())}>
          {t("chat.sendEdited")}
        </Button>
      </div>
    </div>
  );
}

/** An answer on the path: the stored one, or the live run's while it writes it. */
export function Answer({ message, siblings, index }: PathItem) {
  const { model } = useChat();
  const live = useStore(model.store, (state) => (state.live?.messageId === message.id ? state.live : null));
  const run = useStore(model.store, (state) => state.runs.get(message.id) ?? null);
  const running = live !== null;
  const shown = live === null ? message : { ...message, content: live.text, citations: live.citations };
  return (
    <AnswerBody
      message={shown}
      running={running}
      suspected={(live ?? run)?.injectionSuspected === true}
      agent={(live ?? run)?.agent ?? message.agent}
      steps={<Steps steps={(live ?? run)?.steps ?? null} runId={message.run_id} cited={countCited(shown)} running={running} queue={live?.queue ?? null} complete={message.status === "complete"} />}
      branches={<Branches siblings={siblings} index={index} />}
      asked={
        live?.waiting != null && (
          <Suspense fallback={<Skeleton className="my-3 h-32" />}>
            <QuestionCard key={live.waiting.question} asked={live.waiting} onAnswer={(text) => model.answer(text)} />
          </Suspense>
        )
      }
    />
  );
}

function countCited(message: Message): number {
  return new Set(message.citations.map((citation) => citation.chunk_id)).size;
}

interface AnswerBodyProps {
  message: Message;
  running: boolean;
  suspected: boolean;
  agent: AnsweringAgent | null;
  steps: React.ReactNode;
  branches: React.ReactNode;
  /** What the agent asks before it goes on. */
  asked: React.ReactNode;
}

function AnswerBody({ message, running, suspected, agent, steps, branches, asked }: AnswerBodyProps) {
  const { t } = useTranslation();
  const { model, busy, source, openSource } = useChat();
  const describe = useDescribeCitation();
  const { id, citations } = message;
  const onOpen = useCallback((number: number) => openSource(sourceKey(id, number)), [id, openSource]);
  return (
    <article className="group" aria-label={t("chat.answer")} aria-busy={running} data-testid="answer" data-status={running ? "streaming" : message.status}>
      {agent !== null && <AnsweredBy agent={agent} />}
      {steps}
      {suspected && <InjectionNotice />}
      <AnswerContent message={message} running={running} open={source?.messageId === id ? source.number : null} onOpen={onOpen} />
      {asked}
      {message.status === "stopped" && !running && <p className="mt-2 text-sm text-ink-3">{t("chat.stopped")}</p>}
      {message.status === "failed" && !running && (
        <ProblemNotice
          className="mt-3"
          problem={problemOfMessage(message)}
          reference={message.run_id === null ? undefined : { label: t("chat.run"), id: message.run_id }}
          onRetry={busy || isRefusal(message.error?.code ?? "") ? undefined : () => model.regenerate(message)}
        />
      )}
      <footer className="mt-1 flex min-h-8 flex-wrap items-center gap-x-1 text-xs text-ink-3">
        {!running && (
          <>
            <AnswerFacts message={message} />
            <span className="flex-1" />
            <div className={ACTIONS}>
              {!message.withheld && citations.length > 0 && (
                <Suspense>
                  <RememberButton message={message} />
                </Suspense>
              )}
              {!message.withheld && <CopyButton text={() => withSources(message.content, citations, describe)} />}
              <IconButton label={t("chat.regenerate")} disabled={busy} onClick={() => model.regenerate(message)}>
                <RotateCw size={14} aria-hidden="true" />
              </IconButton>
            </div>
            {branches}
          </>
        )}
      </footer>
    </article>
  );
}
