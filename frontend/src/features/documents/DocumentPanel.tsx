import { getRouteApi } from "@tanstack/react-router";
import { FileX, X } from "lucide-react";
import { Tabs } from "radix-ui";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import type { DocumentDetail } from "@/api/types";
import { DOCUMENT_TABS } from "@/app/search";
import { DocumentLabel } from "@/features/labels/DocumentLabel";
import { SourceView, useDocument } from "@/features/source/SourceView";
import { useDocumentTitle } from "@/lib/hooks";
import { IconButton } from "@/ui/Button";
import { Copyable } from "@/ui/Copyable";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton, Time } from "@/ui/parts";
import { Description } from "./Description";
import { DocumentActions } from "./DocumentActions";
import { Passages } from "./Passages";
import { useDocumentProgress } from "./progress";
import { VersionList } from "./VersionList";

const route = getRouteApi("/app/documents/{-$documentId}");

interface DocumentPanelProps {
  id: string;
  mayWrite: boolean;
  onClose: () => void;
}

export function DocumentPanel({ id, mayWrite, onClose }: DocumentPanelProps) {
  const { t } = useTranslation();
  const query = useDocument(id);
  useDocumentProgress(query.data === undefined ? [] : [query.data]);
  useDocumentTitle(query.data?.name ?? t("documents.title"));
  const close = (
    <IconButton label={t("common.close")} onClick={onClose}>
      <X size={16} aria-hidden="true" />
    </IconButton>
  );
  if (query.isPending) {
    return (
      <div className="space-y-3 p-4" aria-busy="true">
        <Skeleton className="h-6 w-2/3" />
        <Skeleton className="h-4 w-1/3" />
        <Skeleton className="h-48 w-full" />
      </div>
    );
  }
  if (query.isError) {
    const problem = asProblem(query.error);
    return (
      <>
        <header className="flex h-12 shrink-0 items-center justify-end px-2">{close}</header>
        {problem.status === 404 ? (
          <EmptyState icon={<FileX size={28} />} title={t("documents.gone")} text={t("documents.goneText")} />
        ) : (
          <ProblemNotice problem={problem} onRetry={() => void query.refetch()} className="mx-4" />
        )}
      </>
    );
  }
  const document = query.data;
  return (
    <>
      <header className="shrink-0 px-4 pt-3">
        <div className="flex items-start gap-1">
          <h2 className="min-w-0 flex-1 pt-1 text-md font-semibold [overflow-wrap:anywhere]">{document.name}</h2>
          {mayWrite && <DocumentActions document={document} onDeleted={onClose} />}
          {close}
        </div>
        <DocumentLabel document={document} mayWrite={mayWrite} />
        <Description document={document} mayWrite={mayWrite} />
        <Facts document={document} />
      </header>
      <Details document={document} />
    </>
  );
}

function Facts({ document }: { document: DocumentDetail }) {
  const { t } = useTranslation();
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1 pb-2 text-sm text-ink-2">
      <span>{t(`documents.formats.${document.format}`)}</span>
      <span>
        {t("documents.createdBy", { name: document.created_by.display_name })} <Time value={document.created_at} />
      </span>
      {document.source !== null && <span data-testid="from-source">{t("documents.fromSource", { name: document.source.name })}</span>}
      <Copyable text={document.id} label={t("documents.id")} shown={`${document.id.slice(0, 12)}…`} />
      {document.vectors !== null && document.vectors.state !== "complete" && (
        <span data-testid="document-vectors" title={document.vectors.reason ?? undefined}>
          {t(`documents.vectors.${document.vectors.state}`)}
        </span>
      )}
    </div>
  );
}

function Details({ document }: { document: DocumentDetail }) {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const version = search.version ?? document.current_version ?? document.latest.number;
  const readable = document.versions.find((candidate) => candidate.number === version)?.ready_at != null;
  const page = search.page ?? 1;
  const span = search.start !== undefined && search.end !== undefined ? { quote: null, start: search.start, end: search.end } : null;
  return (
    <Tabs.Root
      value={search.tab ?? "versions"}
      onValueChange={(tab) =>
        void navigate({ search: (old) => ({ q: old.q, status: old.status, tag: old.tag, version: old.version, tab: DOCUMENT_TABS.find((name) => name === tab) }), replace: true })
      }
      className="flex min-h-0 flex-1 flex-col"
    >
      <Tabs.List aria-label={t("documents.details")} className="flex shrink-0 gap-1 border-b border-line px-4">
        {DOCUMENT_TABS.map((tab) => (
          <Tabs.Trigger
            key={tab}
            value={tab}
            className="-mb-px h-9 border-b-2 border-transparent px-2 text-ink-2 hover:text-ink data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-accent touch:h-11 touch:px-3"
          >
            {t(`documents.tabs.${tab}`)}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      <Tabs.Content value="versions" className="min-h-0 flex-1 overflow-y-auto">
        <VersionList document={document} />
      </Tabs.Content>
      <Tabs.Content value="passages" className="min-h-0 flex-1 overflow-y-auto">
        {readable ? <Passages documentId={document.id} version={version} /> : <NotReadable />}
      </Tabs.Content>
      <Tabs.Content value="text" className="flex min-h-0 flex-1 flex-col">
        {readable ? (
          <SourceView
            documentId={document.id}
            version={version}
            page={page}
            onPage={(next) => void navigate({ search: (old) => ({ ...old, page: next, start: undefined, end: undefined }), replace: true })}
            highlight={span}
          />
        ) : (
          <NotReadable />
        )}
      </Tabs.Content>
    </Tabs.Root>
  );
}

function NotReadable() {
  const { t } = useTranslation();
  return <p className="p-6 text-center text-ink-3">{t("documents.notReadable")}</p>;
}
