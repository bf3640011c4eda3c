import { CalendarClock, Check, Copy, SearchX } from "lucide-react";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Citation, Message } from "@/api/types";
import { lastDayOf } from "@/lib/day";
import { formatDay, formatDuration } from "@/lib/format";
import { useFlash } from "@/lib/hooks";
import { IconButton } from "@/ui/Button";
import { LabelChips } from "@/ui/LabelChips";
import { Time } from "@/ui/parts";
import { CitationChip } from "./CitationChip";
import { Markdown } from "./Markdown";
import { disputes, withoutHalfMarker } from "./model/citations";
import { ConflictNotice, Withheld } from "./Notices";

interface AnswerContentProps {
  message: Message;
  /** Its text still grows. */
  running: boolean;
  /** The number of the citation whose source is shown. */
  open: number | null;
  /** Has to stay the same function, so that what is written already keeps its elements. */
  onOpen: (number: number) => void;
}

/** What an answer says, with its citations, wherever it is shown. */
export function AnswerContent({ message, running, open, onOpen }: AnswerContentProps) {
  const { t } = useTranslation();
  const { citations } = message;
  const renderCitation = useCallback(
    (number: number) => {
      const citation = citations.find((candidate: Citation) => candidate.number === number);
      if (citation === undefined) return `[${number}]`;
      return <CitationChip citation={citation} open={open === number} onOpen={() => onOpen(number)} />;
    },
    [citations, open, onOpen],
  );
  const text = running ? withoutHalfMarker(message.content) : message.content;
  const disputed = disputes(citations);
  return (
    <>
      {message.as_of !== null && (
        <p className="mt-1 flex w-fit items-center gap-1.5 rounded-md border border-line bg-sunken px-2 py-1 text-sm text-ink-2" data-testid="as-of-note">
          <CalendarClock size={14} aria-hidden="true" className="shrink-0" />
          {t("chat.asOfNote", { day: formatDay(lastDayOf(message.as_of), true) })}
        </p>
      )}
      {message.withheld && !running ? (
        <Withheld message={message} />
      ) : message.answered === false && !running ? (
        <div className="mt-1 flex gap-3 rounded-lg border border-line bg-sunken p-3" data-testid="unanswered">
          <SearchX size={18} className="mt-0.5 shrink-0 text-ink-3" aria-hidden="true" />
          <div className="min-w-0">
            <p className="mb-1 font-semibold">{t("chat.unanswered")}</p>
            <div className="text-ink-2">
              <Markdown text={text} renderCitation={renderCitation} />
            </div>
          </div>
        </div>
      ) : (
        <div className="mt-1 min-h-6">
          <Markdown text={text} renderCitation={renderCitation} />
        </div>
      )}
      {disputed.length > 0 && !running && <ConflictNotice pairs={disputed} renderCitation={renderCitation} />}
    </>
  );
}

/** Its label, what wrote it, how long that took, and when. */
export function AnswerFacts({ message }: { message: Message }) {
  const { t } = useTranslation();
  const made = [message.model, message.tier === null ? null : t(`tiers.${message.tier}`)].filter((part) => part !== null);
  return (
    <p className="flex min-w-0 flex-wrap items-center gap-x-2" data-testid="answer-facts">
      {message.classification !== null && !message.withheld && <LabelChips label={message} />}
      {made.length > 0 && <span>{made.join(" · ")}</span>}
      {message.duration_ms !== null && <span className="tabular-nums">{formatDuration(message.duration_ms)}</span>}
      <Time value={message.created_at} />
    </p>
  );
}

export function CopyButton({ text }: { text: () => string }) {
  const { t } = useTranslation();
  const [copied, flash] = useFlash(1500);
  const copy = () => void navigator.clipboard.writeText(text()).then(flash, () => undefined);
  return (
    <IconButton label={t(copied ? "common.copied" : "common.copy")} onClick={copy}>
      {copied ? <Check size={14} aria-hidden="true" className="text-accent" /> : <Copy size={14} aria-hidden="true" />}
    </IconButton>
  );
}
