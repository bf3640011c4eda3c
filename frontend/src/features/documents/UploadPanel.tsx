import { RotateCw, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Problem } from "@/api/problem";
import { documentName } from "@/api/upload";
import { formatBytes } from "@/lib/format";
import { useStore } from "@/lib/store";
import { Button, IconButton } from "@/ui/Button";
import { LabelChips } from "@/ui/LabelChips";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { VersionStatus } from "./StageProgress";
import { clearFinishedUploads, isSettled, removeUpload, retryUpload, uploads, type UploadItem } from "./upload-queue";

/** Files on their way, above the list. Keeps its place until dismissed, so that an error is not missed. */
export function UploadPanel() {
  const { t } = useTranslation();
  const items = useStore(uploads, (value) => value);
  if (items.length === 0) return null;
  const settled = items.filter(isSettled).length;
  return (
    <section aria-label={t("upload.title")} className="mx-4 mb-3 shrink-0 rounded-lg border border-line bg-sunken" data-testid="uploads">
      <header className="flex min-h-10 items-center justify-between gap-2 pr-1 pl-3">
        <h2 className="text-sm font-medium tabular-nums">{t("upload.progress", { done: settled, count: items.length })}</h2>
        {settled > 0 && (
          <Button kind="quiet" onClick={clearFinishedUploads}>
            {t("upload.clear")}
          </Button>
        )}
      </header>
      <ul className="max-h-64 overflow-y-auto border-t border-line">
        {items.map((item) => (
          <UploadRow key={item.key} item={item} />
        ))}
      </ul>
    </section>
  );
}

function UploadRow({ item }: { item: UploadItem }) {
  const { t } = useTranslation();
  const failure = item.document?.latest.error ?? null;
  const problem = item.problem ?? (failure === null ? null : new Problem(failure));
  return (
    <li className="border-b border-line px-3 py-1 last:border-b-0" data-testid="upload" data-phase={item.phase}>
      <div className="flex min-h-8 items-center gap-1">
        <div className="flex min-w-0 flex-1 flex-col gap-x-4 py-1 sm:flex-row sm:items-center">
          <span className="min-w-0 flex-1 truncate" title={documentName(item.file)}>
            {documentName(item.file)}
          </span>
          <span className="hidden w-44 shrink-0 sm:block">
            <LabelChips compact label={item.document ?? { ...item.said, integrity: null }} />
          </span>
          <span className="hidden w-18 shrink-0 text-right text-sm text-ink-3 tabular-nums sm:block">{formatBytes(item.file.size)}</span>
          <span className="shrink-0 sm:w-56">
            <UploadState item={item} />
          </span>
        </div>
        {item.phase === "failed" && (
          <IconButton label={t("common.retry")} onClick={() => retryUpload(item.key)}>
            <RotateCw size={14} aria-hidden="true" />
          </IconButton>
        )}
        <IconButton label={t(isSettled(item) || item.phase === "accepted" ? "common.dismiss" : "common.cancel")} onClick={() => removeUpload(item.key)}>
          <X size={14} aria-hidden="true" />
        </IconButton>
      </div>
      {problem !== null && <ProblemNotice problem={problem} className="mt-1 mb-2" />}
    </li>
  );
}

function UploadState({ item }: { item: UploadItem }) {
  const { t } = useTranslation();
  if (item.phase === "accepted" && item.unchanged) return <span className="text-ink-2">{t("upload.unchanged")}</span>;
  if (item.phase === "accepted" && item.document !== null) return <VersionStatus version={item.document.latest} />;
  if (item.phase !== "sending") {
    return <span className={item.phase === "failed" ? "text-danger" : "text-ink-3"}>{t(`upload.phase.${item.phase}`)}</span>;
  }
  const share = item.file.size === 0 ? 1 : Math.min(1, item.sent / item.file.size);
  const percent = Math.round(share * 100);
  return (
    <span className="flex items-center gap-2">
      <span
        role="progressbar"
        aria-label={t("upload.phase.sending")}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
        className="h-1.5 w-16 shrink-0 overflow-hidden rounded-full bg-line"
      >
        <span className="block h-full rounded-full bg-accent" style={{ width: `${percent}%` }} />
      </span>
      <span className="text-sm text-ink-2 tabular-nums">{t("upload.sent", { percent })}</span>
    </span>
  );
}
