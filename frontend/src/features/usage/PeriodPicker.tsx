import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { USAGE_PERIODS, USUAL_PERIOD, dayOf, type Span } from "@/lib/period";
import { cx } from "@/lib/cx";

const route = getRouteApi("/app/usage");

/** The time that is shown; it is in the address. */
export function PeriodPicker({ span }: { span: Span }) {
  const { t } = useTranslation();
  const { period = USUAL_PERIOD } = route.useSearch();
  const navigate = route.useNavigate();
  const days = { from: span.from.slice(0, 10), to: dayOf(Date.parse(span.to) - 1) };
  return (
    <div className="flex flex-wrap items-center gap-2">
      <div role="radiogroup" aria-label={t("usage.period")} className="flex flex-wrap rounded-md border border-line-strong p-0.5">
        {USAGE_PERIODS.map((value) => (
          <label
            key={value}
            className={cx(
              "relative flex h-7 items-center rounded-sm px-2.5 text-sm has-focus-visible:outline-2 has-focus-visible:outline-accent touch:h-10",
              value === period ? "bg-accent-soft font-medium text-accent" : "text-ink-2 hover:bg-hover hover:text-ink",
            )}
          >
            <input
              type="radio"
              name="period"
              value={value}
              checked={value === period}
              onChange={() =>
                void navigate({
                  search: (old) => ({ ...old, period: value === USUAL_PERIOD ? undefined : value, ...(value === "own" ? days : { from: undefined, to: undefined }) }),
                  replace: true,
                })
              }
              className="absolute inset-0 cursor-pointer opacity-0"
            />
            {t(`usage.periods.${value}`)}
          </label>
        ))}
      </div>
      {period === "own" &&
        (["from", "to"] as const).map((name) => (
          <label key={name} className="flex items-center gap-2 text-sm text-ink-2">
            {t(`usage.${name}`)}
            <input
              type="date"
              value={days[name]}
              onChange={(event) => {
                const { value } = event.target;
                if (value !== "") void navigate({ search: (old) => ({ ...old, period: "own", ...days, [name]: value }), replace: true });
              }}
              className="field w-36 touch:w-40"
            />
          </label>
        ))}
    </div>
  );
}
