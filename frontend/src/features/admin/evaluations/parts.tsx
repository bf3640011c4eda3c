import { useTranslation } from "react-i18next";
import type { EvaluatedAgent, EvaluationShare, EvaluationStatus, EvaluationTotals } from "@/api/evaluation-types";
import { numberFormat } from "@/lib/format";
import { Status, type Tone } from "@/ui/parts";

/** The measures of quality, in the order in which they are shown. */
export const MEASURES = ["right", "answers", "groundedness", "citation_precision", "citation_recall", "abstention_precision", "abstention_recall", "tools"] as const;
export type Measure = (typeof MEASURES)[number];

const TONES: Record<EvaluationStatus, Tone> = { queued: "neutral", running: "busy", finished: "accent", failed: "danger", cancelled: "neutral" };

export function EvaluationState({ status }: { status: EvaluationStatus }) {
  const { t } = useTranslation();
  return <Status tone={TONES[status]}>{t(`evaluations.states.${status}`)}</Status>;
}

/** `87.5 %`; a dash where there was nothing to measure. */
export function formatShare(share: number | null | undefined): string {
  return share === null || share === undefined ? "–" : numberFormat("share", { style: "percent", maximumFractionDigits: 1 }).format(share);
}

export function shareOf(totals: EvaluationTotals | null, measure: Measure): EvaluationShare | null {
  return totals === null ? null : totals[measure];
}

/** Who answered, in words. */
export function useAgentName(): (agent: EvaluatedAgent | null) => string {
  const { t } = useTranslation();
  return (agent) => {
    if (agent === null) return t("evaluations.routed");
    const { name, version } = agent;
    return version === null ? t("evaluations.shipped", { name }) : t("evaluations.version", { name, version });
  };
}

/** How far one is: a bar for the eye, and the numbers. */
export function Progress({ done, all }: { done: number; all: number }) {
  const { t } = useTranslation();
  return (
    <span className="flex items-center gap-2 text-ink-2 tabular-nums">
      <span aria-hidden="true" className="h-1.5 w-16 shrink-0 overflow-hidden rounded-full bg-line">
        <span className="block h-full bg-accent" style={{ width: `${all === 0 ? 0 : (done / all) * 100}%` }} />
      </span>
      {t("evaluations.progress", { done, all })}
    </span>
  );
}
