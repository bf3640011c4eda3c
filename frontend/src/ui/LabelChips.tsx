import { useTranslation } from "react-i18next";
import type { Classification, Integrity } from "@/api/types";
import { cx } from "@/lib/cx";
import { ClassificationLabel } from "./parts";

interface LabelParts {
  classification: Classification | null;
  export_control: readonly string[];
  integrity: Integrity | null;
  groups: readonly string[];
}

interface LabelChipsProps {
  label: LabelParts;
  /** One line for a table: the first restriction, how many more there are, and no word of integrity. */
  compact?: boolean;
  /** What a person may read rather than what something is. */
  of?: "data" | "person";
  className?: string;
}

interface Part {
  key: string;
  text: string;
  meaning: string;
}

/** What something is: its classification, its export regimes and groups, and whether it may be taken at its word. Each part has its
 *  word, and says on hover and to a screen reader what it means. */
export function LabelChips({ label, compact = false, of = "data", className }: LabelChipsProps) {
  const { t } = useTranslation();
  const restrictions: Part[] = [
    ...label.export_control.map((word) => ({ key: `x ${word}`, text: word, meaning: t(`labels.${of}.export`, { word }) })),
    ...label.groups.map((word) => ({ key: `g ${word}`, text: word, meaning: t(`labels.${of}.group`, { word }) })),
  ];
  const untrusted: Part[] = label.integrity === "untrusted" ? [{ key: "untrusted", text: t("labels.untrusted"), meaning: t("labels.untrustedText") }] : [];
  const parts = compact ? restrictions.slice(0, 1) : [...restrictions, ...untrusted];
  const rest = compact ? restrictions.slice(1) : [];
  return (
    <span className={cx("inline-flex max-w-full min-w-0 items-center gap-1.5", !compact && "flex-wrap", className)} data-testid="label">
      {label.classification !== null && <ClassificationLabel value={label.classification} className="shrink-0" />}
      {parts.map((part) => (
        <Chip key={part.key} part={part} />
      ))}
      {rest.length > 0 && <Chip part={{ key: "rest", text: `+${rest.length}`, meaning: rest.map((part) => part.meaning).join(" ") }} />}
    </span>
  );
}

function Chip({ part }: { part: Part }) {
  return (
    <span title={part.meaning} className="inline-block max-w-40 min-w-0 shrink truncate rounded-sm border border-line-strong px-1 text-2xs font-medium text-ink-2">
      <span aria-hidden="true">{part.text}</span>
      <span className="sr-only">{part.meaning}</span>
    </span>
  );
}
