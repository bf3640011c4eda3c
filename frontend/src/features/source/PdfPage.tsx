import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { PDFDocumentProxy, PDFPageProxy } from "pdfjs-dist";
import { getJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { PageWords } from "@/api/types";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton } from "@/ui/parts";
import { openPdf, textLayerClass } from "./pdf";
import { findQuote, type ItemRange } from "./quote-match";
import { boxesOf, drawBoxes, type Box } from "./word-boxes";
import "@/app/text-layer.css";

interface PdfPageProps {
  documentId: string;
  version: number;
  page: number;
  zoom: number;
  quote: string | null;
  /** Code point offsets of the quote in the page's text. */
  span: { start: number; end: number } | null;
}

/** One page as it was printed, with the quote's words marked: in the text layer over it, or, on a page that is a picture,
 *  where text recognition has found them. */
export function PdfPage({ documentId, version, page, zoom, quote, span }: PdfPageProps) {
  const { t } = useTranslation();
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [marked, setMarked] = useState<number | null>(null);
  const pdf = useQuery({
    queryKey: ["pdf", documentId, version],
    queryFn: () => openPdf(documentId, version),
    staleTime: 0,
    gcTime: 0,
    structuralSharing: false,
    retry: false,
  });
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const boxes = useBoxes(documentId, version, page, span);
  const failure = usePage(frame, pdf.data, page, width * zoom, quote, boxes, setMarked);
  const error = failure ?? pdf.error;
  return (
    <div className="p-4">
      {error !== null && <ProblemNotice problem={asProblem(error)} onRetry={() => void pdf.refetch()} />}
      {quote !== null && marked === 0 && <p className="mb-2 text-sm text-ink-2">{t("source.notLocated")}</p>}
      <div ref={frame} className="overflow-x-auto" data-testid="pdf-page" data-page={page} data-marked={marked ?? ""}>
        {pdf.isPending && <Skeleton className="aspect-[1/1.414] w-full" />}
      </div>
    </div>
  );
}

/** Asks where the span's words stand, when they are not in the text layer. */
function useBoxes(documentId: string, version: number, page: number, span: PdfPageProps["span"]): () => Promise<Box[]> {
  const client = useQueryClient();
  const [start, end] = [span?.start, span?.end];
  return useCallback(async () => {
    if (start === undefined || end === undefined) return [];
    const words = await client.query({
      queryKey: ["page-words", documentId, version, page, start, end],
      queryFn: ({ signal }) => getJson<PageWords>(`/documents/${documentId}/pages/${page}/words`, { version, start, end }, signal),
      staleTime: Infinity,
    });
    return boxesOf(words);
  }, [client, documentId, version, page, start, end]);
}

function usePage(
  frame: React.RefObject<HTMLDivElement | null>,
  pdf: PDFDocumentProxy | undefined,
  number: number,
  width: number,
  quote: string | null,
  boxes: () => Promise<Box[]>,
  onMarked: (count: number | null) => void,
): Error | null {
  const [failure, setFailure] = useState<Error | null>(null);
  useEffect(() => {
    const target = frame.current;
    if (pdf === undefined || target === null || width < 1) return;
    let stale = false;
    let cancel: () => void = () => undefined;
    const draw = async () => {
      const page = await pdf.getPage(Math.min(Math.max(1, number), pdf.numPages));
      if (stale) return;
      const drawn = drawPage(page, width);
      cancel = drawn.cancel;
      await drawn.done;
      const items = await drawText(page, drawn.element, drawn.scale);
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- changes while the text is awaited
      if (stale) return;
      let count = quote === null ? null : markWords(items, findQuote(items.map((item) => item.textContent), quote));
      if (count === 0) count = drawBoxes(drawn.element, await boxes());
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- changes while the boxes are awaited
      if (stale) return;
      // Swapped in one go, so that the former page does not flicker away first.
      target.querySelector(".pdf-page")?.remove();
      target.append(drawn.element);
      onMarked(count);
      setFailure(null);
      target.querySelector("mark")?.scrollIntoView({ block: "center", inline: "nearest" });
    };
    draw().catch((error: unknown) => {
      if (!stale) setFailure(error instanceof Error ? error : new Error(String(error)));
    });
    return () => {
      stale = true;
      cancel();
    };
  }, [frame, pdf, number, width, quote, boxes, onMarked]);
  return failure;
}

const MAX_PIXEL_RATIO = 2;

function drawPage(page: PDFPageProxy, width: number) {
  const scale = width / page.getViewport({ scale: 1 }).width;
  const viewport = page.getViewport({ scale });
  const ratio = Math.min(window.devicePixelRatio, MAX_PIXEL_RATIO);
  const element = document.createElement("div");
  element.className = "pdf-page";
  element.style.setProperty("--scale-factor", String(scale));
  element.style.width = `${Math.floor(viewport.width)}px`;
  element.style.height = `${Math.floor(viewport.height)}px`;
  const canvas = document.createElement("canvas");
  canvas.width = Math.floor(viewport.width * ratio);
  canvas.height = Math.floor(viewport.height * ratio);
  canvas.style.width = "100%";
  canvas.style.height = "100%";
  element.append(canvas);
  const task = page.render({ canvas, viewport, ...(ratio === 1 ? {} : { transform: [ratio, 0, 0, ratio, 0, 0] }) });
  return { element, scale, done: task.promise, cancel: () => task.cancel() };
}

/** Lays the page's words over the drawing. Returns the elements that hold them. */
async function drawText(page: PDFPageProxy, element: HTMLElement, scale: number): Promise<HTMLElement[]> {
  const TextLayer = await textLayerClass();
  const container = document.createElement("div");
  container.className = "textLayer";
  element.append(container);
  const layer = new TextLayer({ textContentSource: page.streamTextContent(), container, viewport: page.getViewport({ scale }) });
  await layer.render();
  return layer.textDivs;
}

/** Wraps the ranges in <mark>. Returns how many there are. */
function markWords(items: HTMLElement[], ranges: ItemRange[]): number {
  const byItem = Map.groupBy(ranges, (range) => range.item);
  for (const [index, own] of byItem) {
    const item = items[index];
    if (item === undefined) continue;
    const text = item.textContent;
    const parts: (string | HTMLElement)[] = [];
    let at = 0;
    for (const range of own.sort((a, b) => a.start - b.start)) {
      if (range.start < at) continue;
      const mark = document.createElement("mark");
      mark.textContent = text.slice(range.start, range.end);
      parts.push(text.slice(at, range.start), mark);
      at = range.end;
    }
    parts.push(text.slice(at));
    item.replaceChildren(...parts.filter((part) => part !== ""));
  }
  return ranges.length;
}
