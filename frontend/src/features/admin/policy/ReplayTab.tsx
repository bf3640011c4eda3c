import { useMutation } from "@tanstack/react-query";
import { ArrowRight, RotateCcw } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { PolicyText, Replay, ReplayChange, Verdict } from "@/api/policy-types";
import { asProblem } from "@/api/problem";
import { formatNumber } from "@/lib/format";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Select, Skeleton, Status, type Tone } from "@/ui/parts";

const DAYS = ["7", "30", "90", "365"] as const;
const TONES: Record<Verdict, Tone> = { ALLOW: "accent", REQUIRE_APPROVAL: "neutral", DENY: "danger" };

export function VerdictStatus({ value }: { value: Verdict }) {
  const { t } = useTranslation();
  return <Status tone={TONES[value]}>{t(`policy.verdicts.${value}`)}</Status>;
}

/** The decisions of the last days, made again with the files as they are edited. */
export function ReplayTab({ draft, changed }: { draft: PolicyText[]; changed: boolean }) {
  const { t } = useTranslation();
  const [days, setDays] = useState<(typeof DAYS)[number]>("30");
  const run = useMutation({ mutationFn: () => sendJson<Replay>("POST", "/policy/replay", { files: draft, days: Number(days) }) });
  return (
    <div className="p-4">
      <p className="mb-2 text-ink-2">{t(changed ? "policy.replayDraft" : "policy.replayText")}</p>
      <div className="mb-4 flex flex-wrap gap-2">
        <Select label={t("policy.days")} value={days} options={DAYS.map((value) => ({ value, label: t("policy.lastDays", { count: Number(value) }) }))} onChange={setDays} />
        <Button kind="primary" disabled={run.isPending} onClick={() => run.mutate()}>
          <RotateCcw size={14} aria-hidden="true" />
          {t("policy.replay")}
        </Button>
      </div>
      <section aria-label={t("policy.result")} aria-live="polite" aria-busy={run.isPending} className="@container">
        {run.isPending && <Skeleton className="h-32" />}
        {run.error !== null && <ProblemNotice problem={asProblem(run.error)} />}
        {run.isSuccess && <Changes replay={run.data} />}
      </section>
    </div>
  );
}

function Changes({ replay }: { replay: Replay }) {
  const { t } = useTranslation();
  return (
    <div data-testid="replay">
      <p className="mb-2 font-medium tabular-nums">
        {t("policy.replayed", { count: replay.replayed, number: formatNumber(replay.replayed), changed: formatNumber(replay.changed) })}
      </p>
      {replay.truncated && <p className="mb-2 text-sm text-ink-2">{t("policy.truncated")}</p>}
      {replay.changes.length > 0 && (
        <table className="w-full border-separate border-spacing-0">
          <caption className="sr-only">{t("policy.result")}</caption>
          <thead>
            <tr>
              <th scope="col" className="cell-head">
                {t("policy.action")}
              </th>
              <th scope="col" className="cell-head">
                {t("policy.change")}
              </th>
              <th scope="col" className="cell-head text-right">
                {t("policy.howMany")}
              </th>
              <th scope="col" className="cell-head hidden @2xl:table-cell">
                {t("policy.determined")}
              </th>
            </tr>
          </thead>
          <tbody>
            {replay.changes.map((change) => (
              <ChangeRow key={`${change.action} ${change.from} ${change.to}`} change={change} />
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function ChangeRow({ change }: { change: ReplayChange }) {
  const { t } = useTranslation();
  const policies = [...new Set(change.examples.flatMap((example) => example.policies))];
  return (
    <tr data-testid="replay-change">
      <td className="cell py-1 align-top font-mono text-sm [overflow-wrap:anywhere]">{change.action}</td>
      <td className="cell py-1 align-top">
        <span className="flex flex-wrap items-center gap-x-2">
          <span className="sr-only">{t("labels.before")}</span>
          <VerdictStatus value={change.from} />
          <ArrowRight size={14} aria-hidden="true" className="text-ink-3" />
          <span className="sr-only">{t("labels.after")}</span>
          <VerdictStatus value={change.to} />
        </span>
      </td>
      <td className="cell py-1 text-right align-top tabular-nums">{formatNumber(change.count)}</td>
      <td className="cell hidden py-1 align-top font-mono text-sm [overflow-wrap:anywhere] text-ink-2 @2xl:table-cell">{policies.length === 0 ? "–" : policies.join(", ")}</td>
    </tr>
  );
}
