import { Link } from "@tanstack/react-router";
import { FileText, ListTree, Pencil, Trash2, UserRound, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Memory, MemoryKind } from "@/api/memory-types";
import type { Citation } from "@/api/types";
import { lastDayOf } from "@/lib/day";
import { formatDay } from "@/lib/format";
import { IconButton } from "@/ui/Button";
import { LabelChips } from "@/ui/LabelChips";
import { Status, Time } from "@/ui/parts";

const ICONS: Record<MemoryKind, LucideIcon> = { about_me: UserRound, plant_fact: FileText, procedure: ListTree };

interface MemoryItemProps {
  memory: Memory;
  onEdit: () => void;
  onForget: () => void;
}

/** One memory: what it says, where it comes from, and until when it is kept. */
export function MemoryItem({ memory, onEdit, onForget }: MemoryItemProps) {
  const { t } = useTranslation();
  const { kind, text, name } = memory;
  const Icon = ICONS[kind];
  const short = name ?? text ?? t(`memory.kinds.${kind}`);
  return (
    <li id={memory.id} data-testid="memory" data-kind={kind} data-state={memory.state} data-row="" tabIndex={-1} className="flex gap-3 py-3">
      <Icon size={16} aria-hidden="true" className="mt-1 shrink-0 text-ink-3" />
      <div className="min-w-0 flex-1">
        <p className="sr-only">{t(`memory.kinds.${kind}`)}</p>
        {memory.state === "withheld" && <p className="text-ink-2">{t("memory.withheld")}</p>}
        {name !== null && <p className="font-medium [overflow-wrap:anywhere]">{name}</p>}
        {text !== null && (kind === "procedure" ? <Plan text={text} /> : <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</p>)}
        {memory.state === "stale" && (
          <p className="mt-1 text-sm">
            <Status tone="caution">{t("memory.stale")}</Status>
            <span className="ml-2 text-ink-2">{t("memory.staleText")}</span>
          </p>
        )}
        {memory.citations.length > 0 && (
          <ul className="mt-1 space-y-0.5 text-sm">
            {memory.citations.map((citation) => (
              <li key={citation.number}>
                <Source citation={citation} />
                {citation.quote !== text && <q className="block text-ink-2 [overflow-wrap:anywhere]">{citation.quote}</q>}
              </li>
            ))}
          </ul>
        )}
        <div className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-0.5 text-xs text-ink-3">
          {/* That nobody vouches for a person's own words goes without saying. */}
          <LabelChips label={memory} compact={kind !== "plant_fact"} />
          <From memory={memory} />
          <span>{memory.used_at === null ? t("memory.neverUsed") : <>{t("memory.used")} <Time value={memory.used_at} /></>}</span>
          <span>{memory.expires_at === null ? t("memory.keptForEver") : t("memory.keptUntil", { day: formatDay(lastDayOf(memory.expires_at), true) })}</span>
        </div>
      </div>
      <div className="flex shrink-0 items-start max-sm:flex-col">
        <IconButton label={t("memory.editNamed", { text: short })} onClick={onEdit}>
          <Pencil size={14} aria-hidden="true" />
        </IconButton>
        <IconButton label={t("memory.forgetNamed", { text: short })} onClick={onForget}>
          <Trash2 size={14} aria-hidden="true" />
        </IconButton>
      </div>
    </li>
  );
}

function Plan({ text }: { text: string }) {
  const { t } = useTranslation();
  return (
    <details className="mt-0.5">
      <summary className="w-fit cursor-pointer rounded-sm text-sm text-ink-2 hover:text-ink touch:py-3">{t("memory.showPlan")}</summary>
      {/* The scrolling region takes the focus, so that it can be scrolled from the keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre tabIndex={0} className="mt-1 max-h-72 overflow-auto rounded-md border border-line bg-sunken p-2 font-mono text-sm">
        {text}
      </pre>
    </details>
  );
}

/** Leads to the passage, with its words marked. */
function Source({ citation }: { citation: Citation }) {
  const { t } = useTranslation();
  const { document_name: name, page } = citation;
  return (
    <Link
      to="/documents/{-$documentId}"
      params={{ documentId: citation.document_id }}
      search={{ tab: "text", version: citation.version, page: page ?? 1, start: citation.char_start, end: citation.char_end }}
      className="block max-w-full truncate text-accent underline-offset-2 hover:underline touch:py-2"
    >
      {page === null ? name : t("chat.citation.place", { name, page })}
      {citation.heading_path.length > 0 && ` · ${citation.heading_path.join(" › ")}`}
    </Link>
  );
}

function From({ memory: { conversation_id, goal_id, kind } }: { memory: Memory }) {
  const { t } = useTranslation();
  const style = "underline underline-offset-2 hover:text-ink";
  if (kind === "about_me") return <span>{t("memory.byYou")}</span>;
  if (goal_id !== null) {
    return (
      <Link to="/goals/$goalId" params={{ goalId: goal_id }} className={style}>
        {t("memory.fromGoal")}
      </Link>
    );
  }
  return conversation_id === null ? null : (
    <Link to="/chat/{-$conversationId}" params={{ conversationId: conversation_id }} className={style}>
      {t("memory.fromConversation")}
    </Link>
  );
}
