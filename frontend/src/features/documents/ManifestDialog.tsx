import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { DocumentDetail, Manifest, Version } from "@/api/types";
import { formatNumber } from "@/lib/format";
import { Copyable } from "@/ui/Copyable";
import { Dialog } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton, Status, Time } from "@/ui/parts";
import { Fact } from "./Fact";

interface ManifestDialogProps {
  document: DocumentDetail;
  version: Version;
  onClose: () => void;
}

/** How a version was read, as the audit log has it, and whether what is stored of it is still that. */
export function ManifestDialog({ document, version, onClose }: ManifestDialogProps) {
  const { t } = useTranslation();
  const manifest = useQuery({
    queryKey: ["manifest", document.id, version.number],
    queryFn: ({ signal }) => getJson<Manifest>(`/documents/${document.id}/versions/${version.number}/manifest`, undefined, signal),
    // What it is held against may have changed since.
    gcTime: 0,
  });
  return (
    <Dialog open wide onOpenChange={onClose} title={t("documents.manifest.title", { number: version.number })}>
      <div data-testid="manifest">
        {manifest.isPending && <Skeleton className="h-40" />}
        {manifest.isError && <ProblemNotice problem={asProblem(manifest.error)} onRetry={() => void manifest.refetch()} />}
        {manifest.isSuccess && <Facts manifest={manifest.data} />}
      </div>
    </Dialog>
  );
}

const DIGESTS = ["source", "pages", "chunks"] as const;

function Facts({ manifest }: { manifest: Manifest }) {
  const { t } = useTranslation();
  const { signed, stored } = manifest;
  const digest = (name: string, value: string) => <Copyable text={value} label={name} shown={`${value.slice(0, 16)}…`} />;
  return (
    <>
      <p className="mb-3">
        <Status tone={manifest.intact ? "accent" : "danger"}>{t(manifest.intact ? "documents.manifest.intact" : "documents.manifest.changed")}</Status>
      </p>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm text-ink-2 tabular-nums">
        <Fact name={t("documents.manifest.parser")}>{manifest.parser}</Fact>
        {manifest.recognition !== null && <Fact name={t("documents.manifest.recognition")}>{t("documents.manifest.recognitionText", manifest.recognition)}</Fact>}
        <Fact name={t("documents.manifest.chunking")}>
          {t("documents.manifest.chunkingText", { tokens: formatNumber(manifest.chunk_tokens), overlap: formatNumber(manifest.overlap_tokens) })}
        </Fact>
        <Fact name={t("documents.manifest.model")}>{digest(t("documents.manifest.model"), manifest.embedding_model)}</Fact>
        {DIGESTS.map((part) => (
          <Fact key={part} name={t(`documents.manifest.${part}`)}>
            {digest(t(`documents.manifest.${part}`), signed[part])}
            {signed[part] !== stored[part] && <span className="ml-2 text-danger">{t("documents.manifest.differs")}</span>}
          </Fact>
        ))}
        <Fact name={t("documents.manifest.signed")}>
          <Time value={manifest.signed_at} long />
          {manifest.audit_sequence !== null && <span className="ml-2">{t("documents.manifest.sequence", { number: formatNumber(manifest.audit_sequence) })}</span>}
        </Fact>
      </dl>
      <p className="mt-3 text-sm text-ink-3">{t("documents.manifest.text")}</p>
    </>
  );
}
