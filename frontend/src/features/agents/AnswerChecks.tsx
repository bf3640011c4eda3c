import { CircleCheck, CircleDashed } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { AnswerCheck } from "@/api/agent-types";
import { addTexts } from "@/i18n";
import { agentWhy } from "@/i18n/en-agent-why";

addTexts({ agentWhy });

/** What the agent asks of the answer, and whether it does that. */
export function AnswerChecks({ checks }: { checks: readonly AnswerCheck[] }) {
  const { t } = useTranslation();
  if (checks.length === 0) return null;
  return (
    <ul className="mt-1 space-y-0.5" data-testid="answer-checks">
      {checks.map(({ check, wanted, found, met }) => {
        const Icon = met ? CircleCheck : CircleDashed;
        return (
          <li key={check} className="flex items-center gap-1.5" data-met={met}>
            <Icon size={14} aria-hidden="true" className={met ? "shrink-0 text-accent" : "shrink-0 text-ink-3"} />
            <span>
              {t(`agentWhy.check.${check}`, { wanted })}: {t(met ? "agentWhy.met" : "agentWhy.unmet")}
              {!met && <span className="text-ink-3 tabular-nums"> ({t("agentWhy.found", { found, wanted })})</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
