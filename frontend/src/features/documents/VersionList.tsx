import { useMutation } from "@tanstack/react-query";
import { Download, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import { Problem, asProblem } from "@/api/problem";
import { STAGES, type DocumentDetail, type Version } from "@/api/types";
import { formatBytes, formatDuration, formatNumber } from "@/lib/format";
import { IconButton } from "@/ui/Button";
import { Copyable } from "@/ui/Copyable";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Time } from "@/ui/parts";
import { Fact } from "./Fact";
import { ManifestDialog } from "./ManifestDialog";
import { pageRanges } from "./page-ranges";
import { VersionStatus } from "./StageProgress";

/** States of versions that were read and are not being read again. */
const READ: ReadonlySet<Version["status"]> = new Set(["ready", "scheduled", "superseded", "expired"]);

export function VersionList({ document }: { document: DocumentDetail }) {
  return (
    <ol className="divide-y divide-line">
      {document.versions.map((version) => (
        <VersionItem key={version.id} document={document} version={version} />
      ))}
    </ol>
  );
}

/** Saves the original. Through fetch, because a plain link would not carry the bearer token. */
async function download(document: DocumentDetail, version: Version): Promise<void> {
  const response = await send(`/documents/${document.id}/content`, { query: { version: version.number } });
  const address = URL.createObjectURL(await response.blob());
  const link = window.document.createElement("a");
  link.href = address;
  link.download = document.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function VersionItem({ document, version }: { document: DocumentDetail; version: Version }) {
  const { t } = useTranslation();
  const save = useMutation({ mutationFn: () => download(document, version) });
  const [proof, setProof] = useState(false);
  const answers = version.number === document.current_version;
  return (
    <li className="px-4 py-2" data-testid="version">
      <div className="flex min-h-8 items-center gap-x-3">
        <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1">
          <h3 className="font-medium tabular-nums">{t("source.version", { number: version.number })}</h3>
          {answers && (
            <span className="rounded-sm border border-accent/40 bg-accent-soft px-1.5 text-xs font-medium text-accent">{t("documents.answering")}</span>
          )}
          <span className="min-w-0 truncate">
            <VersionStatus version={version} />
          </span>
        </div>
        {READ.has(version.status) && (
          <IconButton label={t("documents.manifest.open", { number: version.number })} onClick={() => setProof(true)}>
            <ShieldCheck size={14} aria-hidden="true" />
          </IconButton>
        )}
        <IconButton label={t("documents.download", { number: version.number })} disabled={save.isPending} onClick={() => save.mutate()}>
          <Download size={14} aria-hidden="true" />
        </IconButton>
      </div>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 text-sm text-ink-2 tabular-nums sm:grid-cols-[auto_1fr_auto_1fr]">
        <Fact name={t("documents.uploaded")}>
          <Time value={version.created_at} long />
        </Fact>
        <Fact name={t("documents.holds")}>
          <Time value={version.effective_from} long />
          {version.effective_until !== null && (
            <>
              {" – "}
              <Time value={version.effective_until} long />
            </>
          )}
        </Fact>
        <Fact name={t("documents.size")}>{formatBytes(version.size_bytes)}</Fact>
        {version.page_count !== null && <Fact name={t("documents.pages")}>{formatNumber(version.page_count)}</Fact>}
        {version.recognized_pages > 0 && (
          <Fact name={t("documents.recognized")}>{t("documents.recognizedPages", { count: version.recognized_pages })}</Fact>
        )}
        {version.status !== "failed" && version.pages_without_text.length > 0 && (
          <Fact name={t("documents.withoutText")}>{pageRanges(version.pages_without_text)}</Fact>
        )}
        {version.status !== "failed" && version.pages_out_of_time.length > 0 && (
          <Fact name={t("documents.outOfTime")}>{pageRanges(version.pages_out_of_time)}</Fact>
        )}
        {version.chunk_count !== null && <Fact name={t("documents.tabs.passages")}>{formatNumber(version.chunk_count)}</Fact>}
        {version.language !== null && <Fact name={t("documents.language")}>{t(`documents.languages.${version.language}`)}</Fact>}
        <Timings version={version} />
        <Fact name="SHA-256">
          <Copyable text={version.sha256} label="SHA-256" shown={`${version.sha256.slice(0, 16)}…`} />
        </Fact>
      </dl>
      {version.error !== null && <ProblemNotice problem={new Problem(version.error)} className="mt-2" />}
      {proof && <ManifestDialog document={document} version={version} onClose={() => setProof(false)} />}
      {save.error !== null && <ProblemNotice problem={asProblem(save.error)} className="mt-2" />}
    </li>
  );
}

function Timings({ version }: { version: Version }) {
  const { t } = useTranslation();
  const known = STAGES.flatMap((stage) => {
    const ms = version.timings_ms[stage];
    return ms === undefined ? [] : [`${t(`documents.stageName.${stage}`)} ${formatDuration(ms)}`];
  });
  return known.length === 0 ? null : <Fact name={t("documents.timings")}>{known.join(" · ")}</Fact>;
}
