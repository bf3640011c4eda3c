import { ChevronRight } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { UsageTotals } from "@/api/gateway-types";
import { cx } from "@/lib/cx";
import { formatDay, formatNumber } from "@/lib/format";
import { formatCompact, formatMoney } from "@/lib/money";
import { Skeleton } from "@/ui/parts";

const DayChart = lazy(() => import("./DayChart").then((module) => ({ default: module.DayChart })));

/** Cost and tokens by day as pictures, and the same figures as a table. */
export function Charts({ days, currency }: { days: readonly UsageTotals[]; currency: string }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const keys = days.map(({ key }) => key);
  return (
    <section aria-label={t("usage.charts")}>
      <Suspense
        fallback={
          <div className="grid grid-cols-1 gap-6 @3xl:grid-cols-2" aria-busy="true">
            <Skeleton className="h-52" />
            <Skeleton className="h-52" />
          </div>
        }
      >
        <div className="grid grid-cols-1 gap-6 @3xl:grid-cols-2" data-testid="charts">
          <DayChart
            title={t("usage.costByDay")}
            days={keys}
            series={[{ key: "cost", label: t("usage.cost"), fill: "fill-accent", values: days.map((day) => day.cost_micros) }]}
            format={(value) => formatMoney(value, currency)}
            formatAxis={(value) => formatMoney(value, currency)}
          />
          <DayChart
            title={t("usage.tokensByDay")}
            days={keys}
            series={[
              { key: "in", label: t("usage.tokensIn"), fill: "fill-chart-1", values: days.map((day) => day.input_tokens) },
              { key: "out", label: t("usage.tokensOut"), fill: "fill-chart-2", values: days.map((day) => day.output_tokens) },
            ]}
            format={formatNumber}
            formatAxis={formatCompact}
          />
        </div>
      </Suspense>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="mt-1 -ml-1 inline-flex h-7 items-center gap-1 rounded-sm px-1 text-sm text-ink-2 hover:text-ink touch:h-11">
        <ChevronRight size={14} aria-hidden="true" className={cx("transition-transform", open && "rotate-90")} />
        {t("usage.dayFigures")}
      </button>
      {open && <DayTable days={days} currency={currency} />}
    </section>
  );
}

function DayTable({ days, currency }: { days: readonly UsageTotals[]; currency: string }) {
  const { t } = useTranslation();
  return (
    // The region scrolls, so it takes the focus.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div role="region" aria-label={t("usage.dayFigures")} tabIndex={0} className="max-h-72 overflow-auto rounded-md border border-line">
      <table className="w-full border-separate border-spacing-0">
        <caption className="sr-only">{t("usage.dayFigures")}</caption>
        <thead className="sticky top-0">
          <tr>
            <th scope="col" className="cell-head">
              {t("usage.groups.day")}
            </th>
            {[t("usage.cost"), t("usage.tokensIn"), t("usage.tokensOut")].map((name) => (
              <th key={name} scope="col" className="cell-head text-right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="tabular-nums [&>tr:last-child>*]:border-b-0">
          {days.map((day) => (
            <tr key={day.key}>
              <th scope="row" className="cell text-left font-normal whitespace-nowrap">
                {formatDay(day.key, true)}
              </th>
              <td className="cell text-right">{formatMoney(day.cost_micros, currency)}</td>
              <td className="cell text-right">{formatNumber(day.input_tokens)}</td>
              <td className="cell text-right">{formatNumber(day.output_tokens)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
