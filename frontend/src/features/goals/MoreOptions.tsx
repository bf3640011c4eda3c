import { ChevronRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useTiers } from "@/features/chat/tiers";
import { ClassificationChoice } from "@/features/labels/LabelFields";
import { useOwnBudgets } from "@/features/usage/queries";
import { formatNumber } from "@/lib/format";
import { useMay } from "@/lib/may";
import { SelectField, TextField } from "@/ui/Field";
import { LIMITS, LIMIT_FIELDS, isWrong, type GoalOptions, type LimitField } from "./model/options";

interface MoreOptionsProps {
  options: GoalOptions;
  onChange: (options: GoalOptions) => void;
}

/** What is seldom other than usual, folded away. */
export function MoreOptions({ options, onChange }: MoreOptionsProps) {
  const { t } = useTranslation();
  const tiers = useTiers();
  const set = (change: Partial<GoalOptions>) => onChange({ ...options, ...change });
  return (
    <details className="group mt-1">
      <summary className="-ml-1 inline-flex min-h-8 cursor-pointer list-none items-center gap-1 rounded-sm px-1 text-ink-2 hover:text-ink touch:min-h-11 [&::-webkit-details-marker]:hidden">
        <ChevronRight size={14} aria-hidden="true" className="transition-transform group-open:rotate-90" />
        {t("goals.form.more")}
      </summary>
      <div className="mt-2 space-y-4 border-l border-line pl-4">
        <ClassificationChoice value={options.classification} onChange={(classification) => set({ classification })} />
        <fieldset>
          <legend className="text-sm font-medium">{t("goals.form.limits")}</legend>
          <p className="mb-2 text-sm text-ink-2">{t("goals.form.limitsText")}</p>
          <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
            {LIMIT_FIELDS.map((field) => (
              <LimitInput key={field} field={field} value={options[field]} onChange={(value) => set({ [field]: value })} />
            ))}
          </div>
        </fieldset>
        <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
          <TextField type="date" label={t("goals.form.asOf")} hint={t("goals.form.asOfHint")} value={options.asOf} onChange={(event) => set({ asOf: event.target.value })} />
          {tiers.length > 0 && (
            <SelectField
              label={t("goals.form.tier")}
              value={options.tier}
              options={(["AUTO", ...tiers] as const).map((value) => ({ value, label: t(`tiers.${value}`) }))}
              onChange={(tier) => set({ tier })}
            />
          )}
        </div>
      </div>
    </details>
  );
}

function LimitInput({ field, value, onChange }: { field: LimitField; value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  const currency = useOwnBudgets(useMay("usage:read")).data?.currency;
  const { from, to, usual, factor } = LIMITS[field];
  return (
    <TextField
      type="number"
      inputMode={factor > 1 ? "decimal" : "numeric"}
      step="any"
      label={field === "cost" && currency !== undefined ? t("goals.form.costIn", { currency }) : t(`goals.form.${field}`)}
      hint={t("goals.form.usual", { value: usual === null ? t("goals.form.noLimit") : formatNumber(usual) })}
      error={isWrong(field, value) ? t("goals.form.range", { from: formatNumber(from), to: formatNumber(to) }) : undefined}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
