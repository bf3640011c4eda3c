import { EyeOff, ShieldAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { LabelChips } from "@/ui/LabelChips";

/** In place of a message whose label is above the reader's clearance by now. */
export function Withheld({ message }: { message: Message }) {
  const { t } = useTranslation();
  return (
    <div className="mt-1 flex gap-3 rounded-lg border border-line bg-sunken p-3 text-left" data-testid="withheld">
      <EyeOff size={18} className="mt-0.5 shrink-0 text-ink-3" aria-hidden="true" />
      <div className="min-w-0">
        <p className="mb-1 font-semibold">{t("chat.withheld")}</p>
        <p className="mb-2 text-ink-2">{t("chat.withheldText")}</p>
        <LabelChips label={message} />
      </div>
    </div>
  );
}

/** The message looked like an attempt to take the assistant over, and was answered all the same. */
export function InjectionNotice() {
  const { t } = useTranslation();
  return (
    <p role="status" className="mt-1 mb-2 flex items-start gap-2 rounded-md border border-line-strong bg-sunken px-2 py-1.5 text-sm" data-testid="injection-notice">
      <ShieldAlert size={16} className="mt-0.5 shrink-0 text-ink-3" aria-hidden="true" />
      <span>{t("chat.injectionSuspected")}</span>
    </p>
  );
}
