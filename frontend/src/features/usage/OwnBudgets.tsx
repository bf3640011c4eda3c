import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Budget } from "@/api/gateway-types";
import { asProblem } from "@/api/problem";
import { BudgetMeter, LevelStatus, Resets, useSubjectText } from "@/features/budgets/BudgetMeter";
import { useMay } from "@/lib/may";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton } from "@/ui/parts";
import { useOwnBudgets } from "./queries";

/** The budgets that bind the person, the fullest first, with what is left. */
export function OwnBudgets() {
  const { t } = useTranslation();
  const query = useOwnBudgets();
  const mayManage = useMay("budgets:read");
  const { items = [], currency = "" } = query.data ?? {};
  return (
    <section aria-labelledby="own-budgets" className="min-w-0">
      <div className="mb-2 flex flex-wrap items-baseline justify-between gap-x-3">
        <h2 id="own-budgets" className="text-md font-semibold">
          {t("usage.budgets")}
        </h2>
        {mayManage && (
          <Link to="/admin/budgets" className="text-sm text-accent underline underline-offset-2 touch:py-3">
            {t("usage.manageBudgets")}
          </Link>
        )}
      </div>
      {query.isPending && <Skeleton className="h-24" />}
      {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
      {query.isSuccess && items.length === 0 && <p className="text-ink-2">{t("usage.noBudgets")}</p>}
      <ul className="space-y-2">
        {[...items]
          .sort((a, b) => b.current.percent - a.current.percent)
          .map((budget) => (
            <Binding key={budget.id} budget={budget} currency={currency} />
          ))}
      </ul>
    </section>
  );
}

function Binding({ budget, currency }: { budget: Budget; currency: string }) {
  const { t } = useTranslation();
  const subject = useSubjectText();
  return (
    <li className="rounded-lg border border-line p-3" data-testid="own-budget">
      <div className="mb-1.5 flex items-baseline justify-between gap-2">
        <p className="min-w-0 truncate font-medium" title={budget.name}>
          {budget.name}
        </p>
        <LevelStatus level={budget.current.level} />
      </div>
      <BudgetMeter budget={budget} currency={currency} />
      <p className="mt-1 text-xs text-ink-2">
        {budget.subject_kind === "tenant" ? `${subject.of(budget)}, ` : ""}
        {t(`budgets.perPeriod.${budget.period}`)} · <Resets at={budget.current.resets_at} />
      </p>
    </li>
  );
}
