import { Link } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight, ExternalLink, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Citation } from "@/api/types";
import { SourceView } from "@/features/source/SourceView";
import { useStore } from "@/lib/store";
import { IconButton } from "@/ui/Button";
import { LabelChips } from "@/ui/LabelChips";
import { EmptyState } from "@/ui/parts";
import { useChat } from "./context";
import { sourceKey } from "./model/citations";

const NONE: Citation[] = [];

/** The source of one citation of the conversation that is shown. */
export function SourcePanel() {
  const { model, source, openSource } = useChat();
  const messageId = source?.messageId ?? "";
  const citations = useStore(model.store, (state) =>
    state.live?.messageId === messageId ? state.live.citations : (state.messages.get(messageId)?.citations ?? NONE),
  );
  return <CitedSource messageId={messageId} number={source?.number ?? null} citations={citations} openSource={openSource} />;
}

interface CitedSourceProps {
  messageId: string;
  number: number | null;
  /** Of that message. */
  citations: readonly Citation[];
  openSource: (key: string | null) => void;
}

/** The source of one citation, beside the answer: its page, with the words marked. */
export function CitedSource({ messageId, number, citations, openSource }: CitedSourceProps) {
  const { t } = useTranslation();
  const at = citations.findIndex((citation) => citation.number === number);
  const citation = citations[at];
  // Turning pages belongs to one citation; the next one opens at its own page.
  const key = `${messageId} ${citation?.number ?? ""}`;
  const [turned, setTurned] = useState({ key, page: 0 });
  const close = (
    <IconButton label={t("source.close")} onClick={() => openSource(null)}>
      <X size={16} aria-hidden="true" />
    </IconButton>
  );
  if (citation === undefined) {
    return (
      <>
        <header className="flex h-12 shrink-0 items-center justify-end border-b border-line px-2">{close}</header>
        <EmptyState icon={<X size={24} />} title={t("source.unknown")} />
      </>
    );
  }
  const go = (step: number) => {
    const next = citations[at + step];
    if (next !== undefined) openSource(sourceKey(messageId, next.number));
  };
  const admitted = citation.admitted_by?.clearance;
  const cited = citation.page ?? 1;
  const shown = turned.key === key && turned.page > 0 ? turned.page : cited;
  return (
    <>
      <header className="shrink-0 border-b border-line bg-ground">
        <div className="flex h-12 items-center gap-1 pr-2 pl-4 touch:h-14">
          <h2 className="min-w-0 flex-1 truncate font-semibold" title={citation.document_name}>
            <span className="mr-2 text-accent tabular-nums">{citation.number}</span>
            {citation.document_name}
          </h2>
          <IconButton label={t("source.previous")} disabled={at === 0} onClick={() => go(-1)}>
            <ChevronLeft size={16} aria-hidden="true" />
          </IconButton>
          <IconButton label={t("source.next")} disabled={at === citations.length - 1} onClick={() => go(1)}>
            <ChevronRight size={16} aria-hidden="true" />
          </IconButton>
          <Link
            to="/documents/{-$documentId}"
            params={{ documentId: citation.document_id }}
            search={{ tab: "text", version: citation.version, page: cited, start: citation.char_start, end: citation.char_end }}
            aria-label={t("source.openDocument")}
            title={t("source.openDocument")}
            className="control w-8 shrink-0 rounded-md text-ink-2 hover:bg-hover touch:w-11"
          >
            <ExternalLink size={16} aria-hidden="true" />
          </Link>
          {close}
        </div>
        <div className="flex min-h-8 flex-wrap items-center gap-x-3 px-4 pb-1.5 text-sm text-ink-2">
          <LabelChips label={citation} className="shrink-0" />
          <span className="shrink-0 tabular-nums">{t("source.version", { number: citation.version })}</span>
          {/* Not there in answers from before it was kept. */}
          {admitted !== undefined && <span className="shrink-0">{t("source.admittedBy", { clearance: t(`classification.${admitted}`) })}</span>}
          {citation.heading_path.length > 0 && (
            <span className="min-w-0 truncate" title={citation.heading_path.join(" › ")}>
              {citation.heading_path.join(" › ")}
            </span>
          )}
        </div>
      </header>
      <SourceView
        documentId={citation.document_id}
        version={citation.version}
        page={shown}
        onPage={(page) => setTurned({ key, page })}
        highlight={shown === cited ? { quote: citation.quote, start: citation.char_start, end: citation.char_end } : null}
      />
    </>
  );
}
