import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { PageText } from "@/api/types";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton } from "@/ui/parts";
import { utf16Offset } from "./quote-match";

/** How much of a long text is shown around the passage at first. */
const WINDOW = 12_000;

export function usePageText(documentId: string, version: number, page: number, enabled = true) {
  return useQuery({
    enabled,
    queryKey: ["page-text", documentId, version, page],
    queryFn: ({ signal }) => getJson<PageText>(`/documents/${documentId}/pages/${page}`, { version }, signal),
    staleTime: Infinity,
  });
}

interface TextPageProps {
  documentId: string;
  version: number;
  page: number;
  /** Code point offsets into the page's text. */
  span: { start: number; end: number } | null;
}

/** The text that was read from a page, with the passage marked and scrolled to. */
export function TextPage({ documentId, version, page, span }: TextPageProps) {
  const query = usePageText(documentId, version, page);
  if (query.isPending) {
    return (
      <div className="space-y-2 p-4" aria-busy="true">
        {["w-full", "w-11/12", "w-4/5", "w-full", "w-2/3"].map((width) => (
          <Skeleton key={width} className={`h-4 ${width}`} />
        ))}
      </div>
    );
  }
  if (query.isError) {
    return (
      <div className="p-4">
        <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />
      </div>
    );
  }
  return (
    <>
      {query.data.recognized && <Recognized />}
      <MarkedText key={`${page} ${span?.start ?? ""}`} text={query.data.text} span={span} />
    </>
  );
}

function Recognized() {
  const { t } = useTranslation();
  return (
    <p className="px-4 pt-4 text-sm text-ink-2" data-testid="recognized">
      {t("source.recognized")}
    </p>
  );
}

function MarkedText({ text, span }: { text: string; span: TextPageProps["span"] }) {
  const { t } = useTranslation();
  const mark = useRef<HTMLElement>(null);
  const start = span === null ? 0 : utf16Offset(text, span.start);
  const end = span === null ? 0 : utf16Offset(text, span.end);
  const [from, setFrom] = useState(Math.max(0, start - WINDOW));
  const [to, setTo] = useState(Math.min(text.length, end + WINDOW));
  useEffect(() => {
    mark.current?.scrollIntoView({ block: "center" });
  }, []);
  if (text.trim() === "") return <p className="p-4 text-ink-3">{t("source.emptyPage")}</p>;
  return (
    <div className="p-4" data-testid="text-page">
      {from > 0 && (
        <Button kind="quiet" className="mb-2" onClick={() => setFrom(Math.max(0, from - WINDOW * 4))}>
          {t("source.earlier")}
        </Button>
      )}
      <div className="max-w-[75ch] text-md whitespace-pre-wrap [overflow-wrap:anywhere]">
        {text.slice(from, start)}
        {span !== null && (
          <mark ref={mark} className="rounded-sm bg-mark text-on-mark">
            {text.slice(start, end)}
          </mark>
        )}
        {text.slice(end, to)}
      </div>
      {to < text.length && (
        <Button kind="quiet" className="mt-2" onClick={() => setTo(Math.min(text.length, to + WINDOW * 4))}>
          {t("source.later")}
        </Button>
      )}
    </div>
  );
}
