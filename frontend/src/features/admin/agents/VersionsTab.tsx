import { useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AgentDetail, AgentVersion } from "@/api/agent-types";
import { sendJson } from "@/api/client";
import { cx } from "@/lib/cx";
import { diffLines } from "@/lib/diff";
import { useMay } from "@/lib/may";
import { Button } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { Copyable } from "@/ui/Copyable";
import { FileDiffs } from "@/ui/FileDiffs";
import { Status, Time } from "@/ui/parts";
import { textInForce, useAgentChanged } from "./queries";

const route = getRouteApi("/app/admin/agents/{-$name}");

/** A version, or what ships under the name: number 0. */
interface Shown {
  number: number;
  text: string;
  active: boolean;
  stored: AgentVersion | null;
}

function shownOf(agent: AgentDetail): Shown[] {
  const stored = agent.versions.map((version) => ({ number: version.number, text: version.definition, active: version.active, stored: version }));
  return agent.shipped_text === null ? stored : [...stored, { number: 0, text: agent.shipped_text, active: agent.version === null, stored: null }];
}

interface VersionsTabProps {
  agent: AgentDetail;
  /** A text is being written that is not stored yet. */
  hasDraft: boolean;
  /** Goes on writing from this text. */
  onGoOn: (text: string) => void;
}

/** The versions of an agent, and what each would change. */
export function VersionsTab({ agent, hasDraft, onGoOn }: VersionsTabProps) {
  const { version } = route.useSearch();
  const versions = shownOf(agent);
  const selected = versions.find(({ number }) => number === version) ?? versions[0];
  if (selected === undefined) return null;
  return (
    <div className="flex flex-col gap-4 xl:flex-row">
      <VersionList versions={versions} current={selected.number} />
      <VersionDetails key={selected.number} agent={agent} version={selected} hasDraft={hasDraft} onGoOn={onGoOn} />
    </div>
  );
}

function VersionList({ versions, current }: { versions: Shown[]; current: number }) {
  const { t } = useTranslation();
  const navigate = route.useNavigate();
  return (
    <ol className="min-w-0 divide-y divide-line self-start rounded-md border border-line max-xl:w-full xl:w-80 xl:shrink-0">
      {versions.map(({ number, active, stored }) => (
        <li key={number} className={cx("px-3 py-2", number === current ? "bg-accent-soft" : "hover:bg-hover")} data-testid="agent-version" data-number={number}>
          <div className="flex items-baseline gap-3">
            <button
              type="button"
              aria-current={number === current ? "true" : undefined}
              onClick={() => void navigate({ search: { tab: "versions", version: number }, replace: true })}
              className="min-w-0 flex-1 text-left font-medium [overflow-wrap:anywhere] hover:text-accent touch:min-h-11"
            >
              {number > 0 && <span className="mr-2 tabular-nums">{number}</span>}
              {stored === null ? t("agentAdmin.versionShipped") : stored.note}
            </button>
            {active && <Status tone="accent">{t("agentAdmin.active")}</Status>}
          </div>
          {stored !== null && (
            <p className="text-sm text-ink-2">
              {stored.created_by.display_name} · <Time value={stored.created_at} long />
            </p>
          )}
        </li>
      ))}
    </ol>
  );
}

function VersionDetails({ agent, version, hasDraft, onGoOn }: VersionsTabProps & { version: Shown }) {
  const { t } = useTranslation();
  const mayManage = useMay("configuration:manage");
  const [asking, setAsking] = useState<"activate" | "goOn" | null>(null);
  const changed = useAgentChanged();
  const before = textInForce(agent);
  const lines = useMemo(() => diffLines(before ?? "", version.text), [before, version.text]);
  const activate = useMutation({
    mutationFn: () => sendJson<AgentDetail>("POST", `/agents/${agent.name}/versions/${version.number}/activate`, undefined),
    onSuccess: (next) => {
      setAsking(null);
      changed(next);
    },
  });
  const isSame = !lines.some(({ kind }) => kind === "added" || kind === "removed");
  return (
    <div className="min-w-0 flex-1">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <h3 className="font-semibold tabular-nums">{version.number === 0 ? t("agentAdmin.versionShipped") : t("agentAdmin.version", { number: version.number })}</h3>
        {mayManage && !version.active && (
          <div className="flex flex-wrap gap-2">
            <Button onClick={() => (hasDraft ? setAsking("goOn") : onGoOn(version.text))}>{t("agentAdmin.goOn")}</Button>
            <Button kind="primary" onClick={() => setAsking("activate")}>
              {t("agentAdmin.activate")}
            </Button>
          </div>
        )}
      </div>
      {version.stored !== null && (
        <p className="mb-3 text-sm">
          <Copyable text={version.stored.digest} label={t("agentAdmin.digest")} shown={`${version.stored.digest.slice(0, 16)}…`} />
        </p>
      )}
      <h4 className="mb-1 text-xs font-medium text-ink-3">{t("agentAdmin.diff")}</h4>
      {before === null && <p className="mb-2 text-ink-2">{t("agentAdmin.diffFirst")}</p>}
      {isSame ? <p className="text-ink-2">{t(version.active ? "agentAdmin.diffActive" : "agentAdmin.diffNone")}</p> : <FileDiffs diffs={[{ name: `${agent.name}.yaml`, lines }]} />}
      {asking === "goOn" && (
        <ConfirmDialog title={t("agentAdmin.goOnTitle")} text={t("agentAdmin.goOnText")} action={t("agentAdmin.goOn")} pending={false} error={null} onConfirm={() => onGoOn(version.text)} onClose={() => setAsking(null)} />
      )}
      {asking === "activate" && (
        <ConfirmDialog
          title={version.number === 0 ? t("agentAdmin.activateShippedTitle") : t("agentAdmin.activateTitle", { number: version.number })}
          text={t("agentAdmin.activateText")}
          action={t("agentAdmin.activate")}
          pending={activate.isPending}
          error={activate.error}
          onConfirm={() => activate.mutate()}
          onClose={() => setAsking(null)}
        />
      )}
    </div>
  );
}
