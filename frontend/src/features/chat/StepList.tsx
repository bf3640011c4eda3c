import { lazy, Suspense, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { formatDuration } from "@/lib/format";
import { Skeleton } from "@/ui/parts";
import { isComputing } from "./model/computing";
import type { FoundPassage, Step, ToolCall } from "./model/run";
import type { Understood } from "./model/understood";

const AnswerChecks = lazy(() => import("@/features/agents/AnswerChecks").then((module) => ({ default: module.AnswerChecks })));
const Asked = lazy(() => import("@/features/asking/QuestionCard").then((module) => ({ default: module.Asked })));
const DebateTurn = lazy(() => import("@/features/thinking/DebateTurn").then((module) => ({ default: module.DebateTurn })));
const Recalled = lazy(() => import("@/features/memory/Recalled").then((module) => ({ default: module.Recalled })));
const RouteDetails = lazy(() => import("@/features/route/RouteDetails").then((module) => ({ default: module.RouteDetails })));

/** The steps one below the other, with what each found, and what can be done from there. */
export function StepList({ steps, action }: { steps: readonly Step[]; action?: ((index: number) => ReactNode) | undefined }) {
  return (
    <ol className="space-y-2 text-ink-2">
      {steps.map((step, index) => (
        <StepDetails key={index} step={step} action={action?.(index)} />
      ))}
    </ol>
  );
}

/** What was understood of the question, a line for each kind. */
function UnderstoodLines({ understood: { spelling, expansions, parts, carried } }: { understood: Understood }) {
  const { t } = useTranslation();
  return (
    <ul className="text-ink-3 [overflow-wrap:anywhere]" data-testid="understood">
      {carried !== null && <li>{carried.length === 0 ? t("chat.steps.followUp") : t("chat.steps.carried", { words: carried.join(", ") })}</li>}
      {spelling.map(({ from, to }) => (
        <li key={from}>{t("chat.steps.spelling", { from, to })}</li>
      ))}
      {expansions.map(({ term, words }) => (
        <li key={`${term} ${words.join()}`}>{t("chat.steps.expansion", { term, words: words.join(", ") })}</li>
      ))}
      {parts.map((part) => (
        <li key={part}>{t("chat.steps.part", { part })}</li>
      ))}
    </ul>
  );
}

function StepDetails({ step, action }: { step: Step; action: ReactNode }) {
  const { t } = useTranslation();
  return (
    <li>
      <div className="flex flex-wrap items-center gap-x-2">
        <span className="font-medium text-ink">{t(`chat.steps.kind.${isComputing(step) ? "compute" : step.kind}`)}</span>
        {step.attempt > 1 && step.kind !== "deliberate" && <span>{t("chat.steps.attempt", { number: step.attempt })}</span>}
        {step.interrupted && <span>{t("chat.steps.interrupted")}</span>}
        {step.durationMs !== null && !step.interrupted && <span className="text-ink-3 tabular-nums">{formatDuration(step.durationMs)}</span>}
        {action}
      </div>
      {step.query !== null && <p className="text-ink-2">{t("chat.steps.query", { query: step.query })}</p>}
      {step.understood !== null && <UnderstoodLines understood={step.understood} />}
      {step.remembered.length > 0 && (
        <Suspense fallback={<Skeleton className="h-5 w-64" />}>
          <Recalled ids={step.remembered} />
        </Suspense>
      )}
      {step.route !== null && (
        <Suspense fallback={<Skeleton className="h-10 w-64" />}>
          <RouteDetails route={step.route} tokens={step.tokens} />
        </Suspense>
      )}
      {step.calls.map((call, index) => (
        <ToolCallLines key={index} call={call} />
      ))}
      {step.passages !== null && <PassageList passages={step.passages} />}
      {step.debate !== null && (
        <Suspense fallback={<Skeleton className="h-16 w-64" />}>
          <DebateTurn debate={step.debate} running={!step.done} />
        </Suspense>
      )}
      {step.asked !== null && (
        <Suspense fallback={<Skeleton className="h-10 w-64" />}>
          <Asked asked={step.asked} />
        </Suspense>
      )}
      {step.checks.length > 0 && (
        <Suspense>
          <AnswerChecks checks={step.checks} />
        </Suspense>
      )}
    </li>
  );
}

const TOOLS = ["search_documents", "open_document", "read_on", "find_in_document", "table", "calculate", "date", "think_through", "ask_person"] as const;

/** What a draft asked for and what came of it. */
function ToolCallLines({ call }: { call: ToolCall }) {
  const { t } = useTranslation();
  const tool = TOOLS.find((name) => name === call.tool);
  // Another system's says where it is: there is no better name for it.
  const outside = call.tool.startsWith("mcp:") ? call.tool : t("chat.steps.tool.unknown");
  const name = tool === undefined ? outside : t(`chat.steps.tool.${tool}`);
  return (
    <div className="mt-1" data-testid="tool-call">
      <p className="[overflow-wrap:anywhere]">
        {name}
        {(call.equation ?? call.subject) !== null && <span className={cx(call.equation !== null && "tabular-nums")}>{`: ${call.equation ?? call.subject ?? ""}`}</span>}
        {call.outcome !== null && <span className="text-ink-3"> · {t(`chat.steps.outcome.${call.outcome}`)}</span>}
      </p>
      {call.said !== null && (
        // The scrolling region takes the focus, so that it can be scrolled from the keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <p tabIndex={0} className="mt-0.5 max-h-40 overflow-y-auto whitespace-pre-wrap text-ink-3 [overflow-wrap:anywhere]">
          {call.said}
        </p>
      )}
      <PassageList passages={call.passages} />
    </div>
  );
}

function PassageList({ passages }: { passages: readonly FoundPassage[] }) {
  const { t } = useTranslation();
  if (passages.length === 0) return null;
  return (
    <ol className="mt-1 list-decimal pl-5 text-ink-3">
      {passages.map((passage, index) => (
        <li key={index}>
          {passage.page === null ? passage.document_name : t("chat.citation.place", { name: passage.document_name, page: passage.page })}
          {passage.heading_path.length > 0 && ` · ${passage.heading_path.join(" › ")}`}
        </li>
      ))}
    </ol>
  );
}
