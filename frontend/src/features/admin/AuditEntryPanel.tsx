import { Link } from "@tanstack/react-router";
import { ListFilter, X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { AuditEntry } from "@/api/types";
import type { AuditSearch } from "@/app/search";
import { formatDateTimeSeconds, formatUtc } from "@/lib/format";
import { IconButton } from "@/ui/Button";
import { Copyable } from "@/ui/Copyable";

/** One entry with everything that was recorded. */
export function AuditEntryPanel({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <>
      <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line pr-2 pl-4 touch:h-14">
        <h2 className="min-w-0 flex-1 truncate font-mono font-semibold">{entry.action}</h2>
        <OnlyThis search={{ action: entry.action }} />
        <IconButton label={t("common.close")} onClick={onClose}>
          <X size={16} aria-hidden="true" />
        </IconButton>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto p-4">
        <dl className="space-y-2">
          <Fact name={t("audit.time")}>
            {formatDateTimeSeconds(entry.occurred_at)} <span className="text-ink-3">({formatUtc(entry.occurred_at)})</span>
          </Fact>
          <Fact name={t("audit.actor")} only={{ actor: entry.actor }}>
            {entry.actor_name !== null && <p>{entry.actor_name}</p>}
            <Copyable text={entry.actor} label={t("audit.actor")} />
          </Fact>
          <Fact name={t("audit.resourceType")} only={{ resource_type: entry.resource_type }}>
            {entry.resource_type}
          </Fact>
          <Fact name={t("audit.resource")} only={{ resource_id: entry.resource_id }}>
            <Copyable text={entry.resource_id} label={t("audit.resource")} />
          </Fact>
          <Fact name={t("audit.sequence")}>{entry.sequence ?? t("audit.unsealed")}</Fact>
          <Fact name={t("audit.hash")}>
            {entry.hash === null ? t("audit.unsealed") : <Copyable text={entry.hash} label={t("audit.hash")} />}
          </Fact>
          <Fact name={t("audit.id")}>
            <Copyable text={entry.id} label={t("audit.id")} />
          </Fact>
        </dl>
        <h3 className="mt-4 mb-1 text-xs text-ink-3">{t("audit.details")}</h3>
        <pre className="rounded-md border border-line bg-ground p-3 font-mono text-sm whitespace-pre-wrap [overflow-wrap:anywhere]">
          {JSON.stringify(entry.details, null, 2)}
        </pre>
      </div>
    </>
  );
}

function Fact({ name, only, children }: { name: string; only?: AuditSearch; children: ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="flex min-w-0 items-center gap-2 tabular-nums">
        <div className="min-w-0 flex-1 [overflow-wrap:anywhere]">{children}</div>
        {only !== undefined && <OnlyThis search={only} />}
      </dd>
    </div>
  );
}

/** Filters the log by this value. */
function OnlyThis({ search }: { search: AuditSearch }) {
  const { t } = useTranslation();
  const value = search.action ?? search.actor ?? search.resource_type ?? search.resource_id;
  return (
    <Link
      to="/admin/audit"
      search={search}
      aria-label={t("audit.onlyThis", { value: value })}
      title={t("audit.onlyThis", { value: value })}
      className="control w-8 shrink-0 rounded-md text-ink-2 hover:bg-hover hover:text-ink touch:w-11"
    >
      <ListFilter size={14} aria-hidden="true" />
    </Link>
  );
}
