import { Bot } from "lucide-react";
import { Suspense, lazy, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AnsweringAgent } from "@/api/agent-types";
import { useAgentText } from "./texts";

const Why = lazy(() => import("./Why").then((module) => ({ default: module.Why })));

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
      {open && (
        <Suspense>
          <Why agent={agent} />
        </Suspense>
      )}
    </div>
  );
}
