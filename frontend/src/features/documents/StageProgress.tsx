import { useTranslation } from "react-i18next";
import { STAGES, type Version } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatNumber } from "@/lib/format";
import { Status } from "@/ui/parts";

/** What is known of a version's ingestion, in words. */
export function useStageText() {
  const { t } = useTranslation();
  return (version: Version) => {
    if (version.stage === null || version.status === "queued") return t("documents.status.queued");
    const stage = t(`documents.stage.${version.stage}`);
    if (version.stage_total === null || version.stage_total === 0) return stage;
    return t("documents.stageCount", { stage, done: formatNumber(version.stage_done), total: formatNumber(version.stage_total) });
  };
}

/** Four stages as four stretches of one line: parse, chunk, embed, index. */
export function StageProgress({ version }: { version: Version }) {
  const text = useStageText()(version);
  const current = version.stage === null ? -1 : STAGES.indexOf(version.stage);
  const inStage = version.stage_total === null || version.stage_total === 0 ? 0 : version.stage_done / version.stage_total;
  const total = Math.max(0, (current + Math.min(1, inStage)) / STAGES.length);
  return (
    <div className="flex min-w-0 items-center gap-2" data-testid="stage" data-stage={version.stage ?? "queued"}>
      <div
        role="progressbar"
        aria-label={text}
        aria-valuenow={Math.round(total * 100)}
        aria-valuemin={0}
        aria-valuemax={100}
        className="flex w-16 shrink-0 gap-0.5"
      >
        {STAGES.map((stage, index) => (
          <span key={stage} className="h-1.5 flex-1 overflow-hidden rounded-full bg-line">
            <span
              className={cx("block h-full rounded-full bg-accent", index === current && inStage === 0 && "animate-pulse-soft")}
              style={{ width: index < current ? "100%" : index === current ? `${Math.max(12, Math.min(1, inStage) * 100)}%` : 0 }}
            />
          </span>
        ))}
      </div>
      <span className="truncate text-sm text-ink-2 tabular-nums">{text}</span>
    </div>
  );
}

export function VersionStatus({ version }: { version: Version }) {
  const { t } = useTranslation();
  if (version.status === "processing" || version.status === "queued") return <StageProgress version={version} />;
  const tone = version.status === "failed" ? "danger" : version.status === "ready" ? "accent" : "neutral";
  return <Status tone={tone}>{t(`documents.status.${version.status}`)}</Status>;
}
