import { ChevronRight, Scale } from "lucide-react";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import type { PolicyDecision } from "@/api/policy-types";
import { ListState } from "@/features/identity/ListState";
import { cx } from "@/lib/cx";
import { formatDateTimeSeconds, formatUtc } from "@/lib/format";
import { Copyable } from "@/ui/Copyable";
import { EmptyState } from "@/ui/parts";
import { usePolicyPages } from "./queries";
import { VerdictStatus } from "./ReplayTab";

/** Every decision as it was made, newest first. */
export function DecisionsTab() {
  const { t } = useTranslation();
  const query = usePolicyPages<PolicyDecision>("/policy/decisions", {});
  const [open, setOpen] = useState<string | null>(null);
  return (
    <div className="@container p-4">
      <ListState query={query} empty={<EmptyState icon={<Scale size={28} />} title={t("policy.decisionsNone")} />}>
        <table className="w-full table-fixed border-separate border-spacing-0">
          <caption className="sr-only">{t("policy.tabs.decisions")}</caption>
          <thead>
            <tr>
              <th scope="col" className="cell-head w-24 @xl:w-44">
                {t("audit.time")}
              </th>
              <th scope="col" className="cell-head">
                {t("policy.action")}
              </th>
              <th scope="col" className="cell-head w-34 @xl:w-44">
                {t("policy.verdict")}
              </th>
            </tr>
          </thead>
          <tbody>
            {query.items.map((decision) => (
              <Fragment key={decision.id}>
                <Row decision={decision} open={open === decision.id} onToggle={() => setOpen(open === decision.id ? null : decision.id)} />
                {open === decision.id && (
                  <tr>
                    <td colSpan={3} className="border-b border-line bg-sunken p-3">
                      <Details decision={decision} />
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      </ListState>
    </div>
  );
}

function policyIds(decision: PolicyDecision): string[] {
  return decision.policies.map((policy) => (typeof policy === "string" ? policy : policy.id));
}

function Row({ decision, open, onToggle }: { decision: PolicyDecision; open: boolean; onToggle: () => void }) {
  const ids = policyIds(decision);
  return (
    <tr className="hover:bg-hover" data-testid="decision-row">
      <td className="cell py-1 text-ink-2 tabular-nums">
        <time dateTime={decision.decided_at} title={formatUtc(decision.decided_at)}>
          {formatDateTimeSeconds(decision.decided_at)}
        </time>
      </td>
      <td className="cell py-1">
        <div className="flex min-w-0 flex-col @4xl:flex-row @4xl:items-center @4xl:gap-4">
          <button type="button" data-row="" aria-expanded={open} onClick={onToggle} className="flex min-w-0 items-center gap-1 text-left font-mono text-sm hover:text-accent touch:min-h-11 @4xl:w-56">
            <ChevronRight size={14} aria-hidden="true" className={cx("shrink-0 text-ink-3 transition-transform", open && "rotate-90")} />
            <span className="min-w-0 [overflow-wrap:anywhere]">{decision.action}</span>
          </button>
          <span className="hidden min-w-0 truncate font-mono text-sm text-ink-2 @2xl:block">{ids.join(", ")}</span>
        </div>
      </td>
      <td className="cell py-1">
        <VerdictStatus value={decision.verdict} />
      </td>
    </tr>
  );
}

function Details({ decision }: { decision: PolicyDecision }) {
  const { t } = useTranslation();
  const ids = policyIds(decision);
  return (
    <>
      <dl className="grid grid-cols-1 gap-x-4 gap-y-1 sm:grid-cols-[auto_1fr]">
        <dt className="text-sm text-ink-2">{t("policy.determined")}</dt>
        <dd className="font-mono text-sm [overflow-wrap:anywhere]">{ids.length === 0 ? t("policy.nothingPermits") : ids.join(", ")}</dd>
        {decision.would_allow.length > 0 && (
          <>
            <dt className="text-sm text-ink-2">{t("refusals.wouldAllow")}</dt>
            <dd>{decision.would_allow.join("; ")}</dd>
          </>
        )}
        <dt className="text-sm text-ink-2">{t("policy.user")}</dt>
        <dd>
          <Copyable text={decision.user_id} label={t("policy.user")} />
        </dd>
        {decision.run_id !== null && (
          <>
            <dt className="text-sm text-ink-2">{t("chat.run")}</dt>
            <dd>
              <Copyable text={decision.run_id} label={t("chat.run")} />
            </dd>
          </>
        )}
        <dt className="text-sm text-ink-2">{t("policy.digest")}</dt>
        <dd>
          <Copyable text={decision.policy_version} label={t("policy.digest")} shown={`${decision.policy_version.slice(0, 16)}…`} />
        </dd>
      </dl>
      <h2 className="mt-3 mb-1 text-xs text-ink-3">{t("policy.request")}</h2>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrollable from the keyboard */}
      <pre tabIndex={0} role="region" aria-label={t("policy.request")} className="max-h-96 overflow-auto rounded-md border border-line bg-ground p-3 font-mono text-sm whitespace-pre-wrap [overflow-wrap:anywhere]">
        {JSON.stringify(decision.request, null, 2)}
      </pre>
    </>
  );
}
