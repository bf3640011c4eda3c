import { Bot } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AnsweringAgent } from "@/api/agent-types";
import { useAgentText } from "./texts";

/** Which agent answers, in one quiet line that says why when it is opened. */
export function AnsweredBy({ agent }: { agent: AnsweringAgent }) {
  const { t } = useTranslation();
  const textOf = useAgentText();
  const [open, setOpen] = useState(false);
  return (
    <div className="text-sm" data-testid="answered-by" data-agent={agent.name} data-by={agent.choice.by}>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="-ml-1 inline-flex min-h-6 max-w-full items-center gap-1.5 rounded-sm px-1 text-left text-ink-3 hover:text-ink touch:min-h-11"
      >
        <Bot size={14} aria-hidden="true" className="shrink-0" />
        <span className="min-w-0 [overflow-wrap:anywhere]">{t("agents.answeredBy", { name: textOf(agent.title) })}</span>
      </button>
      {open && <Why agent={agent} />}
    </div>
  );
}

/** Why this agent, with what decided. */
export function Why({ agent: { choice, version } }: { agent: AnsweringAgent }) {
  const { t } = useTranslation();
  const textOf = useAgentText();
  const { by, nearest, words, score, runner_up: next } = choice;
  return (
    <ul className="mt-0.5 mb-1 border-l border-line pl-3 text-sm text-ink-2 [overflow-wrap:anywhere]" data-testid="why-agent">
      <li>{t(`agents.why.${by}`, { number: version ?? 0 })}</li>
      {nearest !== null && <li>{t("agents.why.example", { example: nearest })}</li>}
      {words.length > 0 && <li>{t("agents.why.words", { words: words.join(", ") })}</li>}
      {next !== null && (
        <li className="tabular-nums">
          {by === "unsure"
            ? t("agents.why.scoreBest", { name: textOf(next.title), other: next.score.toFixed(2) })
            : t("agents.why.score", { score: (score ?? 0).toFixed(2), name: textOf(next.title), other: next.score.toFixed(2) })}
        </li>
      )}
    </ul>
  );
}
