import { EyeOff, Scale, ShieldAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Citation, Message } from "@/api/types";
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

interface ConflictNoticeProps {
  /** Citations that give other figures for the same. */
  pairs: [Citation, Citation][];
  renderCitation: (number: number) => ReactNode;
}

/** Below an answer: documents that hold at the same time contradict each other, and a person must say which is right. */
export function ConflictNotice({ pairs, renderCitation }: ConflictNoticeProps) {
  const { t } = useTranslation();
  return (
    <section className="mt-3 flex gap-3 rounded-lg border border-line-strong bg-sunken p-3" aria-label={t("chat.conflict.title")} data-testid="conflicts">
      <Scale size={18} className="mt-0.5 shrink-0 text-ink-3" aria-hidden="true" />
      <div className="min-w-0">
        <p className="mb-1 font-semibold">{t("chat.conflict.title")}</p>
        <p className="mb-2 text-sm text-ink-2">{t("chat.conflict.text")}</p>
        {pairs.map((pair) => (
          <ul key={pair.map((citation) => citation.number).join("-")} className="mb-2 space-y-1 border-l-2 border-line-strong pl-2 text-sm last:mb-0">
            {pair.map((citation) => (
              <li key={citation.number}>
                <span className="whitespace-pre-line">{citation.quote}</span> {renderCitation(citation.number)}{" "}
                <span className="text-ink-3">{citation.document_name}</span>
              </li>
            ))}
          </ul>
        ))}
      </div>
    </section>
  );
}
