import { HoverCard } from "radix-ui";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Citation } from "@/api/types";
import { cx } from "@/lib/cx";
import { LabelChips } from "@/ui/LabelChips";

/** Where a citation points to, in words. */
export function useDescribeCitation() {
  const { t } = useTranslation();
  return (citation: Citation) =>
    citation.page === null
      ? citation.document_name
      : t("chat.citation.place", { name: citation.document_name, page: citation.page });
}

interface CitationChipProps {
  citation: Citation;
  open: boolean;
  onOpen: () => void;
}

/** The number at the end of a sentence: shows its passage on hover or focus, opens the source on click. */
export function CitationChip({ citation, open, onOpen }: CitationChipProps) {
  const { t } = useTranslation();
  const describe = useDescribeCitation();
  const [previewed, setPreviewed] = useState(false);
  return (
    // Beside its open source the preview would only cover the answer.
    <HoverCard.Root open={previewed && !open} onOpenChange={setPreviewed} openDelay={200} closeDelay={100}>
      <HoverCard.Trigger asChild>
        <button
          type="button"
          onClick={onOpen}
          aria-label={t("chat.citation.label", { number: citation.number, place: describe(citation) })}
          aria-pressed={open}
          data-citation={citation.number}
          className={cx(
            "relative mx-0.5 inline-flex h-[1.125rem] min-w-[1.125rem] items-center justify-center rounded-sm border px-1 align-[0.125em] text-2xs leading-none font-semibold tabular-nums transition-colors",
            // The finger's target is larger than the number.
            "touch:after:absolute touch:after:-inset-2.5",
            open ? "border-accent bg-accent text-on-accent" : "border-accent/40 bg-accent-soft text-accent hover:border-accent",
          )}
        >
          {citation.number}
        </button>
      </HoverCard.Trigger>
      <HoverCard.Portal>
        <HoverCard.Content
          side="top"
          sideOffset={6}
          collisionPadding={12}
          className="z-40 w-88 max-w-[calc(100vw-1.5rem)] rounded-lg border border-line bg-raised p-3 shadow-float"
        >
          <div className="mb-1 flex items-baseline justify-between gap-3">
            <p className="min-w-0 truncate text-sm font-semibold">{describe(citation)}</p>
            <LabelChips compact label={citation} className="shrink-0" />
          </div>
          {citation.heading_path.length > 0 && <p className="mb-2 truncate text-xs text-ink-3">{citation.heading_path.join(" › ")}</p>}
          <blockquote className="line-clamp-6 border-l-2 border-accent pl-2 text-sm whitespace-pre-line text-ink-2">{citation.quote}</blockquote>
        </HoverCard.Content>
      </HoverCard.Portal>
    </HoverCard.Root>
  );
}
