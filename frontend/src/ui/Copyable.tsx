import { Check, Copy } from "lucide-react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { useFlash } from "@/lib/hooks";

interface CopyableProps {
  text: string;
  label: string;
  shown?: string;
  /** Over several lines rather than cut off. */
  wrap?: boolean;
  className?: string;
}

/** An id that is copied with a click. */
export function Copyable({ text, label, shown, wrap = false, className }: CopyableProps) {
  const { t } = useTranslation();
  const [copied, flash] = useFlash(1500);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      flash();
    } catch {
      // No permission: the text is on the screen and can be selected.
    }
  };
  return (
    <button
      type="button"
      onClick={() => void copy()}
      title={text}
      className={cx(
        "inline-flex max-w-full items-center gap-1 rounded-sm touch:min-h-6 font-mono text-xs text-ink-2 hover:text-ink relative touch:after:absolute touch:after:-inset-y-3.5 touch:after:inset-x-0",
        className,
      )}
    >
      <span className={wrap ? "text-left" : "truncate"}>{shown ?? text}</span>
      <span className="sr-only">{copied ? t("common.copied") : t("common.copyNamed", { name: label })}</span>
      {copied ? <Check size={12} aria-hidden="true" className="shrink-0 text-accent" /> : <Copy size={12} aria-hidden="true" className="shrink-0" />}
    </button>
  );
}
