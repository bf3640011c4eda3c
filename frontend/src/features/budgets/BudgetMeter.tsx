import { useTranslation } from "react-i18next";
import type { Budget, BudgetLevel } from "@/api/gateway-types";
import { cx } from "@/lib/cx";
import { formatDateTime, formatNumber, formatUtc } from "@/lib/format";
import { formatAmount, formatPercent, formatUntil } from "@/lib/money";
import { Status, type Tone } from "@/ui/parts";
import "@/features/usage/texts";

const TONES: Record<BudgetLevel, Tone> = { ok: "accent", warning: "caution", critical: "danger", exhausted: "danger" };
const FILLS: Record<BudgetLevel, string> = { ok: "bg-accent", warning: "bg-class-confidential", critical: "bg-danger", exhausted: "bg-danger" };

/** An amount of this budget with its unit. */
export function useAmount(currency: string) {
  const { t } = useTranslation();
  return (amount: number, unit: Budget["unit"]) => formatAmount(amount, unit, currency, (number) => t("usage.tokens", { number }));
}

export function LevelStatus({ level }: { level: BudgetLevel }) {
  const { t } = useTranslation();
  return (
    <span data-testid="level" data-level={level}>
      <Status tone={TONES[level]}>{t(`budgets.levels.${level}`)}</Status>
    </span>
  );
}

/** How far a budget is used: a bar, and the same in words. */
export function BudgetMeter({ budget, currency, className }: { budget: Budget; currency: string; className?: string }) {
  const { t } = useTranslation();
  const amount = useAmount(currency);
  const { limit, unit, current } = budget;
  const share = (part: number) => (limit > 0 ? Math.min(1, part / limit) : part > 0 ? 1 : 0);
  const used = share(current.used);
  const over = current.used - limit;
  return (
    <div className={className}>
      <div
        role="meter"
        aria-label={t("budgets.meter", { name: budget.name, percent: formatPercent(current.percent / 100) })}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(Math.min(100, current.percent))}
        aria-valuetext={`${t("budgets.usedOf", { used: amount(current.used, unit), limit: amount(limit, unit) })}, ${t(`budgets.levels.${current.level}`)}`}
        className="flex h-2 overflow-hidden rounded-full border border-line-strong bg-sunken"
      >
        <span className={cx("h-full", FILLS[current.level])} style={{ width: `${used * 100}%` }} />
        <span className="h-full bg-ink-3 opacity-60" style={{ width: `${Math.min(1 - used, share(current.reserved)) * 100}%` }} />
      </div>
      <p className="mt-1 flex flex-wrap justify-between gap-x-3 text-sm tabular-nums">
        <span>{t("budgets.usedOf", { used: amount(current.used, unit), limit: amount(limit, unit) })}</span>
        <span className="text-ink-2">{over > 0 ? t("budgets.over", { amount: amount(over, unit) }) : t("budgets.left", { amount: amount(current.remaining, unit) })}</span>
      </p>
      {current.reserved > 0 && <p className="text-xs text-ink-2">{t("budgets.held", { amount: amount(current.reserved, unit) })}</p>}
    </div>
  );
}

/** When a budget begins anew; only the time where the heading says the rest. */
export function Resets({ at, short = false }: { at: string; short?: boolean }) {
  const { t } = useTranslation();
  return (
    <time dateTime={at} title={`${formatDateTime(at)} (${formatUtc(at)})`}>
      {short ? formatUntil(at) : t("budgets.resets", { time: formatUntil(at) })}
    </time>
  );
}

/** Whom a budget is for, in words: `subject` is the one, or the one that has used most. */
export function useSubjectText() {
  const { t } = useTranslation();
  return {
    of: ({ subject_kind, subject_id }: Pick<Budget, "subject_kind" | "subject_id">, name?: string) =>
      subject_kind === "tenant" || subject_id === null ? t(`budgets.each.${subject_kind}`) : (name ?? subject_id),
    most: ({ subject_id, current }: Budget, name?: string) =>
      subject_id !== null || current.subject === null ? null : t("budgets.mostOf", { count: current.subjects, number: formatNumber(current.subjects), subject: name ?? current.subject }),
  };
}
