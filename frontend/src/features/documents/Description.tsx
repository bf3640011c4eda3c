import { Link } from "@tanstack/react-router";
import { ArrowRightLeft, Pencil } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { DocumentDetail, RelatedDocument } from "@/api/types";
import { Button } from "@/ui/Button";
import { DescribeDialog } from "./DescribeDialog";

/** What is said about a document: its tags, and which other it replaces or is replaced by. */
export function Description({ document, mayWrite }: { document: DocumentDetail; mayWrite: boolean }) {
  const { t } = useTranslation();
  const [describing, setDescribing] = useState(false);
  return (
    <div className="pb-1">
      {document.superseded_by !== null && (
        <p className="mb-1 flex items-start gap-2 rounded-md border border-line-strong bg-sunken p-2 text-sm" data-testid="superseded-by">
          <ArrowRightLeft size={14} aria-hidden="true" className="mt-0.5 shrink-0 text-ink-2" />
          <span className="min-w-0 [overflow-wrap:anywhere]">
            {t(document.current_version === null ? "documents.supersededBy" : "documents.willBeSupersededBy")} <Related document={document.superseded_by} />
          </span>
        </p>
      )}
      {document.supersedes !== null && (
        <p className="text-sm text-ink-2 [overflow-wrap:anywhere]" data-testid="supersedes">
          {t("documents.supersedes")} <Related document={document.supersedes} />
        </p>
      )}
      <div className="flex min-h-8 flex-wrap items-center gap-1.5">
        {document.tags.map((tag) => (
          <Link
            key={tag}
            from="/documents/{-$documentId}"
            to="/documents/{-$documentId}"
            search={(old) => ({ q: old.q, status: old.status, tag })}
            title={t("documents.withTag", { tag })}
            className="inline-flex max-w-full items-center truncate rounded-sm border border-line bg-sunken px-1.5 text-xs text-ink-2 hover:border-accent hover:text-accent touch:min-h-11"
          >
            {tag}
          </Link>
        ))}
        {mayWrite && (
          <Button kind="quiet" className="-my-1 px-2 text-sm" onClick={() => setDescribing(true)}>
            <Pencil size={14} aria-hidden="true" />
            {t("documents.describe")}
          </Button>
        )}
      </div>
      {describing && <DescribeDialog document={document} onClose={() => setDescribing(false)} />}
    </div>
  );
}

function Related({ document }: { document: RelatedDocument }) {
  return (
    <Link
      from="/documents/{-$documentId}"
      to="/documents/{-$documentId}"
      params={{ documentId: document.id }}
      search={(old) => ({ q: old.q, status: old.status, tag: old.tag })}
      className="text-accent underline underline-offset-2"
    >
      {document.name}
    </Link>
  );
}
