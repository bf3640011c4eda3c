import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { INJECTION_MODES, type InjectionMode, type PolicyOutcome } from "@/api/policy-types";
import { cx } from "@/lib/cx";
import { formatNumber } from "@/lib/format";
import { useMay } from "@/lib/may";
import { COUNT_DAYS, useEventCounts } from "../policy/queries";

interface InjectionSectionProps {
  value: InjectionMode;
  onChange: (value: InjectionMode) => void;
  disabled: boolean;
}

/** What happens to a message that looks like an injection, with what the last days would have brought. */
export function InjectionSection({ value, onChange, disabled }: InjectionSectionProps) {
  const { t } = useTranslation();
  const mayRead = useMay("audit:read");
  const counts = useEventCounts(mayRead);
  const countOf = (outcome: PolicyOutcome) => {
    const items = counts.data?.items.filter((item) => item.kind === "injection" && item.outcome === outcome) ?? [];
    return items.reduce((sum, item) => sum + item.count, 0);
  };
  return (
    <fieldset disabled={disabled} className="border-t border-line py-4">
      <legend className="float-left mb-1 w-full text-md font-semibold">{t("personalData.injection")}</legend>
      <p className="clear-both mb-2 max-w-[75ch] text-ink-2">{t("personalData.injectionText")}</p>
      <div className="space-y-2">
        {INJECTION_MODES.map((mode) => (
          <label
            key={mode}
            className={cx("grid grid-cols-[auto_1fr_auto] gap-x-2 rounded-md border p-2", mode === value ? "border-accent bg-accent-soft" : "border-line-strong hover:bg-hover")}
          >
            <input type="radio" name="injection" value={mode} checked={mode === value} onChange={() => onChange(mode)} className="mt-0.5 size-4 accent-(--accent)" />
            <span className="font-medium">{t(`personalData.injectionModes.${mode}`)}</span>
            <span className="text-sm text-ink-2 tabular-nums" data-testid={`injection-${mode}`}>
              {counts.isSuccess && t("personalData.injectionCount", { count: countOf(mode), number: formatNumber(countOf(mode)) })}
            </span>
            <span className="col-start-2 text-sm text-ink-2">{t(`personalData.injectionTexts.${mode}`)}</span>
          </label>
        ))}
      </div>
      {mayRead && (
        <p className="mt-2 text-sm text-ink-2">
          {t("personalData.injectionDays", { count: COUNT_DAYS })}{" "}
          <Link to="/admin/policy" search={{ tab: "events", kind: "injection" }} className="inline-block text-accent underline underline-offset-2 touch:py-3">
            {t("personalData.injectionEvents")}
          </Link>
        </p>
      )}
    </fieldset>
  );
}
