import { getRouteApi } from "@tanstack/react-router";
import { History } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { PolicyText, PolicyVersion } from "@/api/policy-types";
import { asProblem } from "@/api/problem";
import { cx } from "@/lib/cx";
import { diffFiles } from "@/lib/diff";
import { useMay } from "@/lib/may";
import { Button } from "@/ui/Button";
import { FileDiffs } from "@/ui/FileDiffs";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton, Status, Time } from "@/ui/parts";
import { ActivateDialog } from "./ActivateDialog";
import { useVersions } from "./queries";

const route = getRouteApi("/app/admin/policy");

/** The versions of the organisation's own files, and what each would change. */
export function VersionsTab({ own }: { own: PolicyText[] }) {
  const { t } = useTranslation();
  const { version } = route.useSearch();
  const query = useVersions();
  if (query.isPending) return <Skeleton className="m-4 h-48" />;
  if (query.isError) return <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="m-4" />;
  const selected = query.data.find((candidate) => candidate.number === version) ?? query.data[0];
  if (selected === undefined) return <EmptyState icon={<History size={28} />} title={t("policy.versionsNone")} text={t("policy.versionsNoneText")} />;
  return (
    <div className="flex flex-col gap-4 p-4 lg:flex-row">
      <VersionTable versions={query.data} current={selected.number} />
      <VersionDetails key={selected.number} version={selected} own={own} />
    </div>
  );
}

function VersionTable({ versions, current }: { versions: PolicyVersion[]; current: number }) {
  const { t } = useTranslation();
  const navigate = route.useNavigate();
  return (
    <div className="min-w-0 lg:w-96 lg:shrink-0">
      <ol className="divide-y divide-line rounded-md border border-line">
        {versions.map((version) => (
          <li key={version.number} className={cx("px-3 py-2", version.number === current ? "bg-accent-soft" : "hover:bg-hover")} data-testid="policy-version">
            <div className="flex items-baseline gap-3">
              <button
                type="button"
                data-row=""
                aria-current={version.number === current ? "true" : undefined}
                onClick={() => void navigate({ search: { tab: "versions", version: version.number }, replace: true })}
                className="min-w-0 flex-1 text-left font-medium [overflow-wrap:anywhere] hover:text-accent touch:min-h-11"
              >
                <span className="mr-2 tabular-nums">{version.number}</span>
                {version.note}
              </button>
              {version.active && <Status tone="accent">{t("policy.active")}</Status>}
            </div>
            <p className="text-sm text-ink-2">
              {version.created_by.display_name} · <Time value={version.created_at} long />
            </p>
          </li>
        ))}
      </ol>
    </div>
  );
}

function VersionDetails({ version, own }: { version: PolicyVersion; own: PolicyText[] }) {
  const { t } = useTranslation();
  const mayManage = useMay("configuration:manage");
  const [activating, setActivating] = useState(false);
  const diffs = useMemo(() => diffFiles(own, version.files), [own, version.files]);
  return (
    <div className="min-w-0 flex-1">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <h2 className="font-semibold tabular-nums">{t("policy.version", { number: version.number })}</h2>
        {mayManage && !version.active && (
          <Button kind="primary" onClick={() => setActivating(true)}>
            {t("policy.activate")}
          </Button>
        )}
      </div>
      <p className="mb-3 text-sm text-ink-2">
        {t("policy.fileCount", { count: version.files.length })}
        {version.activated_at !== null && (
          <>
            {" · "}
            {t("policy.activatedAt")} <Time value={version.activated_at} long />
          </>
        )}
      </p>
      <h3 className="mb-1 text-xs font-medium text-ink-3">{t("policy.diff")}</h3>
      {diffs.length === 0 ? <p className="text-ink-2">{t(version.active ? "policy.diffActive" : "policy.diffNone")}</p> : <FileDiffs diffs={diffs} />}
      {activating && <ActivateDialog version={version} onClose={() => setActivating(false)} />}
    </div>
  );
}
