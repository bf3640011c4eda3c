import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Pencil, RotateCw, Trash2 } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Source, SourceClock } from "@/api/source-types";
import type { Failure } from "@/api/types";
import { formatDuration, formatNumber } from "@/lib/format";
import { Button, IconButton } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { LabelChips } from "@/ui/LabelChips";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Status, Time } from "@/ui/parts";
import { SOURCES_PATH, invalidateSources, isBusy } from "./queries";

/** No failure: a large folder is taken in pass by pass, as documents are read. */
const WAITING = "documents_waiting";

interface SourceTableProps {
  sources: readonly Source[];
  /** Whether the server watches anything. */
  on: boolean;
  onEdit: (source: Source) => void;
  onDelete: (source: Source) => void;
}

/** Each source with its two clocks. */
export function SourceTable({ sources, on, onEdit, onDelete }: SourceTableProps) {
  const { t } = useTranslation();
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("sources.title")}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head pl-0">
            {t("sources.source")}
          </th>
          <th scope="col" className="cell-head hidden w-56 @2xl:table-cell">
            {t("sources.contents")}
          </th>
          <th scope="col" className="cell-head w-44 @2xl:w-56">
            {t("sources.permissions")}
          </th>
          <th scope="col" className="cell-head w-12 pr-0 pl-0 @lg:w-28 touch:@lg:w-36">
            <span className="sr-only">{t("sources.actions")}</span>
          </th>
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {sources.map((source) => (
          <tr key={source.id} className="hover:bg-hover" data-testid="source-row" data-row="" tabIndex={-1}>
            <td className="cell py-2 pl-0 align-top">
              <p className="font-medium [overflow-wrap:anywhere]">{source.name}</p>
              <p className="font-mono text-xs [overflow-wrap:anywhere] text-ink-2">{source.path}</p>
              <LabelChips label={{ ...source, integrity: null }} className="mt-1" />
              <p className="mt-1 text-sm text-ink-2">
                {t("sources.documents", { count: source.document_count, shown: formatNumber(source.document_count) })}
                {source.hidden_count > 0 && <span className="text-danger"> {t("sources.hiddenCount", { count: source.hidden_count, shown: formatNumber(source.hidden_count) })}</span>}
              </p>
              <div className="mt-1 @2xl:hidden">
                <Clock clock={source.contents} title={t("sources.contents")} />
              </div>
            </td>
            <td className="cell hidden py-2 align-top @2xl:table-cell">
              <Clock clock={source.contents} title={t("sources.contents")} />
            </td>
            <td className="cell py-2 align-top">
              <Freshness source={source} />
              <Clock clock={source.permissions} title={t("sources.permissions")} />
            </td>
            <td className="cell h-auto px-0 py-1 text-right align-top">
              <span className="inline-flex flex-wrap justify-end">
                {on && <ScanButton source={source} />}
                <IconButton label={t("sources.editNamed", { name: source.name })} onClick={() => onEdit(source)}>
                  <Pencil size={14} aria-hidden="true" />
                </IconButton>
                <IconButton label={t("sources.deleteNamed", { name: source.name })} onClick={() => onDelete(source)}>
                  <Trash2 size={14} aria-hidden="true" />
                </IconButton>
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Whether its documents are shown at all. */
function Freshness({ source }: { source: Source }) {
  const { t } = useTranslation();
  if (source.stale) return <Status tone="danger">{t("sources.stale")}</Status>;
  return (
    <>
      <Status tone="accent">{t("sources.fresh")}</Status>
      {source.fresh_until !== null && (
        <p className="text-sm text-ink-2">
          {t("sources.until")} <Time value={source.fresh_until} />
        </p>
      )}
    </>
  );
}

/** One clock: when it was right last, what is being done, and what was met. */
function Clock({ clock, title }: { clock: SourceClock | null; title: string }) {
  const { t } = useTranslation();
  const failureText = useFailureText();
  const [open, setOpen] = useState(false);
  if (clock === null) return null;
  const { report } = clock;
  const failure = clock.running ? null : clock.failure;
  const skipped = Object.values(report.skipped ?? {}).reduce((sum, count) => sum + count, 0);
  const counts = (["new", "changed", "removed", "relabelled", "hidden"] as const).filter((name) => (report[name] ?? 0) > 0);
  return (
    <div className="text-sm text-ink-2">
      {clock.running ? (
        <Status tone="busy">{t("sources.running", { seen: formatNumber(report.seen ?? 0) })}</Status>
      ) : clock.checked_at === null ? (
        <p>{t("sources.never")}</p>
      ) : (
        <p>
          {t("sources.checked")} <Time value={clock.checked_at} />
          {clock.took_ms !== null && <> · {formatDuration(clock.took_ms)}</>}
        </p>
      )}
      {failure?.code === WAITING && <p data-testid="source-waiting">{failureText(failure)}</p>}
      {failure !== null && failure.code !== WAITING && (
        <p className="text-danger [overflow-wrap:anywhere]" data-testid="source-failure">
          {t("sources.failed")} {failureText(failure)}
        </p>
      )}
      {counts.length > 0 && <p>{counts.map((name) => t(`sources.counts.${name}`, { count: report[name] ?? 0, shown: formatNumber(report[name] ?? 0) })).join(", ")}</p>}
      {skipped > 0 && (
        <Button kind="quiet" className="-ml-2 px-2 text-sm" onClick={() => setOpen(true)}>
          {t("sources.skipped", { count: skipped, shown: formatNumber(skipped) })}
        </Button>
      )}
      {open && (
        <Dialog open wide onOpenChange={() => setOpen(false)} title={t("sources.skippedTitle", { title })}>
          <Skipped clock={clock} />
        </Dialog>
      )}
    </div>
  );
}

/** What a failure's code means; the server's own words for one that is not known here. */
function useFailureText(): (failure: Failure) => string {
  const { t, i18n } = useTranslation();
  return ({ code, detail }) => {
    const key = `sources.failures.${code}`;
    return i18n.exists(key) ? t(key as "sources.failures.internal") : sentence(detail);
  };
}

/** What was left out, and why. */
function Skipped({ clock }: { clock: SourceClock }) {
  const { t } = useTranslation();
  const problems = clock.report.problems ?? [];
  const all = Object.values(clock.report.skipped ?? {}).reduce((sum, count) => sum + count, 0);
  return (
    <>
      <ul className="space-y-1">
        {problems.map(({ path, reason }, at) => (
          <li key={`${path} ${at}`} className="border-b border-line pb-1">
            <p className="font-mono text-xs [overflow-wrap:anywhere]">{path}</p>
            <p className="text-sm text-ink-2">{t(`sources.reasons.${reason}`)}</p>
          </li>
        ))}
      </ul>
      {all > problems.length && <p className="mt-2 text-sm text-ink-2">{t("sources.moreSkipped", { shown: formatNumber(all - problems.length) })}</p>}
    </>
  );
}

function ScanButton({ source }: { source: Source }): ReactNode {
  const { t } = useTranslation();
  const client = useQueryClient();
  const scan = useMutation({
    mutationFn: () => send(`${SOURCES_PATH}/${source.id}/scan`, { method: "POST" }),
    onSuccess: () => invalidateSources(client),
  });
  const busy = scan.isPending || isBusy(source);
  return (
    <>
      <IconButton label={t(busy ? "sources.scanningNamed" : "sources.scanNamed", { name: source.name })} onClick={() => !busy && scan.mutate()} aria-disabled={busy}>
        <RotateCw size={14} aria-hidden="true" className={busy ? "animate-pulse-soft" : undefined} />
      </IconButton>
      {scan.error !== null && (
        <Dialog open onOpenChange={() => scan.reset()} title={t("sources.scan")}>
          <ProblemNotice problem={asProblem(scan.error)} />
        </Dialog>
      )}
    </>
  );
}

/** The server writes details in lower case without a full stop. */
function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
