import { useQuery } from "@tanstack/react-query";
import { ChevronLeft, ChevronRight, FileX, ZoomIn, ZoomOut } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { DocumentDetail } from "@/api/types";
import { cx } from "@/lib/cx";
import { IconButton } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton } from "@/ui/parts";
import { utf16Offset } from "./quote-match";
import { TextPage, usePageText } from "./TextPage";

const PdfPage = lazy(() => import("./PdfPage").then((module) => ({ default: module.PdfPage })));

const ZOOMS = [1, 1.25, 1.5, 2, 3] as const;

interface SourceViewProps {
  documentId: string;
  version: number;
  page: number;
  onPage: (page: number) => void;
  highlight: { quote: string | null; start: number; end: number } | null;
}

/** The words to mark: given with a citation, cut out of the page's text for a passage. */
function useQuote({ documentId, version, page, highlight }: Omit<SourceViewProps, "onPage">, printed: boolean): string | null {
  const wanted = printed && highlight !== null && highlight.quote === null;
  const text = usePageText(documentId, version, page, wanted).data?.text;
  if (highlight === null) return null;
  if (highlight.quote !== null || text === undefined) return highlight.quote;
  return text.slice(utf16Offset(text, highlight.start), utf16Offset(text, highlight.end));
}

export function useDocument(id: string) {
  return useQuery({
    queryKey: ["document", id],
    queryFn: ({ signal }) => getJson<DocumentDetail>(`/documents/${id}`, undefined, signal),
  });
}

/** A page of a version: as it was printed (PDF) or as its text was read, with a passage marked. */
export function SourceView({ documentId, version, page, onPage, highlight }: SourceViewProps) {
  const { t } = useTranslation();
  const [asText, setAsText] = useState(false);
  const [zoom, setZoom] = useState(0);
  const document = useDocument(documentId);
  const found = document.data?.versions.find((candidate) => candidate.number === version);
  const isPdf = found?.format === "pdf";
  const printed = isPdf && !asText;
  const quote = useQuote({ documentId, version, page, highlight }, printed);
  if (document.isPending) return <Skeleton className="m-4 h-96" />;
  if (document.isError) {
    const problem = asProblem(document.error);
    return problem.status === 404 ? (
      <EmptyState icon={<FileX size={28} />} title={t("source.gone")} text={highlight?.quote ?? t("source.goneText")} />
    ) : (
      <div className="p-4">
        <ProblemNotice problem={problem} onRetry={() => void document.refetch()} />
      </div>
    );
  }
  const pages = found?.paged === true ? (found.page_count ?? null) : null;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      {(pages !== null || isPdf) && (
        <div className="flex min-h-10 shrink-0 items-center gap-1 border-b border-line bg-ground px-2">
          <IconButton label={t("source.previousPage")} disabled={page <= 1} onClick={() => onPage(page - 1)}>
            <ChevronLeft size={16} aria-hidden="true" />
          </IconButton>
          <span className="text-sm whitespace-nowrap text-ink-2 tabular-nums" data-testid="source-page">
            {pages === null ? t("source.page", { page }) : t("source.pageOf", { page, pages })}
          </span>
          <IconButton label={t("source.nextPage")} disabled={pages !== null && page >= pages} onClick={() => onPage(page + 1)}>
            <ChevronRight size={16} aria-hidden="true" />
          </IconButton>
          <span className="flex-1" />
          {printed && (
            <span className="hidden sm:flex">
              <IconButton label={t("source.zoomOut")} disabled={zoom === 0} onClick={() => setZoom(zoom - 1)}>
                <ZoomOut size={16} aria-hidden="true" />
              </IconButton>
              <IconButton label={t("source.zoomIn")} disabled={zoom === ZOOMS.length - 1} onClick={() => setZoom(zoom + 1)}>
                <ZoomIn size={16} aria-hidden="true" />
              </IconButton>
            </span>
          )}
          {isPdf && <ViewSwitch asText={asText} onChange={setAsText} />}
        </div>
      )}
      {/* The scrolling region takes the focus, so that it can be scrolled from the keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div role="region" tabIndex={0} aria-label={t("source.content")} className={cx("min-h-0 flex-1 overflow-auto focus-visible:-outline-offset-2", printed ? "bg-sunken" : "bg-ground")}>
        <Suspense fallback={<Skeleton className="m-4 h-96" />}>
          {printed ? (
            <PdfPage documentId={documentId} version={version} page={page} zoom={ZOOMS[zoom] ?? 1} quote={quote} span={highlight} />
          ) : (
            <TextPage documentId={documentId} version={version} page={page} span={highlight} />
          )}
        </Suspense>
      </div>
    </div>
  );
}

function ViewSwitch({ asText, onChange }: { asText: boolean; onChange: (asText: boolean) => void }) {
  const { t } = useTranslation();
  return (
    <div role="group" aria-label={t("source.view")} className="ml-1 flex rounded-md border border-line-strong">
      {[false, true].map((value) => (
        <button
          key={String(value)}
          type="button"
          aria-pressed={asText === value}
          onClick={() => onChange(value)}
          className={cx(
            "h-7 px-2 text-sm first:rounded-l-[5px] last:rounded-r-[5px] touch:h-11",
            asText === value ? "bg-accent-soft font-medium text-accent" : "text-ink-2 hover:bg-hover",
          )}
        >
          {t(value ? "source.asText" : "source.asPrinted")}
        </button>
      ))}
    </div>
  );
}
