import { ArrowRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Label } from "@/api/types";
import { LabelChips } from "@/ui/LabelChips";

/** Before and after, each with its word for those who do not see the arrow. */
export function LabelChange({ from, to }: { from: Label; to: Label }) {
  const { t } = useTranslation();
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <span className="sr-only">{t("labels.before")}</span>
      <LabelChips label={from} />
      <ArrowRight size={14} aria-hidden="true" className="shrink-0 text-ink-3" />
      <span className="sr-only">{t("labels.after")}</span>
      <LabelChips label={to} />
    </span>
  );
}
