import { useTranslation } from "react-i18next";
import type { FailedAttempt, Route } from "@/api/gateway-types";
import { useOwnBudgets } from "@/features/usage/queries";
import { formatDuration, formatNumber } from "@/lib/format";
import { useMay } from "@/lib/may";
import { Candidates } from "./Candidates";
import { Judgement } from "./Judgement";

export interface Tokens {
  input: number;
  output: number;
}

/** Which model answered and why, what lost and why, and what failed before. */
export function RouteDetails({ route, tokens }: { route: Route; tokens: Tokens | null }) {
  const { t } = useTranslation();
  // The route carries amounts; what they are amounts of, the budgets say.
  const currency = useOwnBudgets(useMay("usage:read")).data?.currency;
  const tier = t(`tiers.${route.tier}`);
  return (
    <div className="space-y-2" data-testid="route" data-reason={route.reason}>
      <div>
        <p className="[overflow-wrap:anywhere]">
          {t("route.answered")} <strong className="font-semibold text-ink">{route.model}</strong> {t("route.at", { endpoint: route.endpoint })}
        </p>
        <p>{t(`route.reasons.${route.reason}`, { tier })}</p>
        {route.cached && <p>{t("route.cached")}</p>}
        <p className="flex flex-wrap gap-x-3 text-ink-3 tabular-nums">
          {tokens !== null && <span>{t("route.tokens", { input: formatNumber(tokens.input), output: formatNumber(tokens.output) })}</span>}
          {route.waited_ms >= 1 && <span>{t("route.waited", { time: formatDuration(route.waited_ms) })}</span>}
        </p>
      </div>
      {route.judged !== undefined && <Judgement judged={route.judged} />}
      {route.failed.length > 0 && (
        <div data-testid="failed-attempts">
          <p className="text-xs text-ink-3">{t("route.failed")}</p>
          <ol className="list-decimal pl-5">
            {route.failed.map((attempt, index) => (
              <Failed key={index} attempt={attempt} />
            ))}
          </ol>
        </div>
      )}
      {route.candidates.length > 0 && (
        <details>
          <summary className="w-fit cursor-pointer rounded-sm hover:text-ink touch:py-3">{t("route.candidates")}</summary>
          <Candidates candidates={route.candidates} currency={currency} caption={t("route.candidates")} />
        </details>
      )}
    </div>
  );
}

function Failed({ attempt: { model, endpoint, reason } }: { attempt: FailedAttempt }) {
  const { t, i18n } = useTranslation();
  const key = `route.failures.${reason}`;
  return <li>{t("route.failedOne", { model, endpoint, reason: i18n.exists(key) ? t(key as "route.failures.busy") : reason })}</li>;
}
