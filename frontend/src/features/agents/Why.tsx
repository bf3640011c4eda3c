import { useTranslation } from "react-i18next";
import type { AnsweringAgent } from "@/api/agent-types";
import { addTexts } from "@/i18n";
import { agentWhy } from "@/i18n/en-agent-why";
import { useAgentText } from "./texts";

addTexts({ agentWhy });

/** Why this agent, with what decided. */
export function Why({ agent: { choice, version } }: { agent: AnsweringAgent }) {
  const { t } = useTranslation();
  const textOf = useAgentText();
  const { by, nearest, words, score, runner_up: next } = choice;
  return (
    <ul className="mt-0.5 mb-1 border-l border-line pl-3 text-sm text-ink-2 [overflow-wrap:anywhere]" data-testid="why-agent">
      <li>{t(`agentWhy.why.${by}`, { number: version ?? 0 })}</li>
      {nearest !== null && <li>{t("agentWhy.why.example", { example: nearest })}</li>}
      {words.length > 0 && <li>{t("agentWhy.why.words", { words: words.join(", ") })}</li>}
      {next !== null && (
        <li className="tabular-nums">
          {by === "unsure"
            ? t("agentWhy.why.scoreBest", { name: textOf(next.title), other: next.score.toFixed(2) })
            : t("agentWhy.why.score", { score: (score ?? 0).toFixed(2), name: textOf(next.title), other: next.score.toFixed(2) })}
        </li>
      )}
    </ul>
  );
}
