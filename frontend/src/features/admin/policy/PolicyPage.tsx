import { getRouteApi } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Policy, PolicyText } from "@/api/policy-types";
import { asProblem } from "@/api/problem";
import { POLICY_TABS, type PolicyTab } from "@/app/search";
import { useDocumentTitle } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { Copyable } from "@/ui/Copyable";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton } from "@/ui/parts";
import { DecisionsTab } from "./DecisionsTab";
import { EventsTab } from "./EventsTab";
import { FilesTab } from "./FilesTab";
import { usePolicy } from "./queries";
import { ReplayTab } from "./ReplayTab";
import { TestTab } from "./TestTab";
import { VersionsTab } from "./VersionsTab";

const route = getRouteApi("/app/admin/policy");
/** What was decided and noticed is read with the right to the log. */
const LOGS: readonly PolicyTab[] = ["decisions", "events"];

export function PolicyPage() {
  const { t } = useTranslation();
  const query = usePolicy();
  useDocumentTitle(t("policy.title"));
  return (
    <section className="flex h-full flex-col" aria-label={t("policy.title")}>
      <header className="shrink-0 px-4 pt-3 pb-1">
        <h1 className="text-lg font-semibold tracking-tight">{t("policy.title")}</h1>
        <p className="text-ink-2">{t("policy.text")}</p>
        {query.isSuccess && <InForce policy={query.data} />}
      </header>
      {query.isPending && (
        <div className="space-y-3 p-4" aria-busy="true">
          <Skeleton className="h-9 w-96 max-w-full" />
          <Skeleton className="h-64" />
        </div>
      )}
      {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="mx-4" />}
      {query.isSuccess && <PolicyTabs key={query.data.policy_version} policy={query.data} />}
    </section>
  );
}

function inView(element: HTMLElement | null): void {
  element?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function InForce({ policy }: { policy: Policy }) {
  const { t } = useTranslation();
  return (
    <p className="mt-1 flex flex-wrap items-center gap-x-4 text-sm text-ink-2 tabular-nums">
      <span>{t("policy.count", { count: policy.policy_count })}</span>
      <span>{policy.own_version === null ? t("policy.noOwn") : t("policy.ownVersion", { number: policy.own_version })}</span>
      <Copyable text={policy.policy_version} label={t("policy.digest")} shown={`${policy.policy_version.slice(0, 12)}…`} />
    </p>
  );
}

/** The files as they are edited belong to all tabs: what is written is looked over, tested and replayed before it is stored. */
function PolicyTabs({ policy }: { policy: Policy }) {
  const { t } = useTranslation();
  const { tab = "files" } = route.useSearch();
  const navigate = route.useNavigate();
  const mayRead = useMay("audit:read");
  const [draft, setDraft] = useState<PolicyText[]>(policy.own);
  const tabs = POLICY_TABS.filter((name) => mayRead || !LOGS.includes(name));
  const shown = tabs.includes(tab) ? tab : "files";
  const panel = "min-h-0 flex-1 overflow-y-auto outline-none";
  return (
    <Tabs.Root
      value={shown}
      onValueChange={(next) => void navigate({ search: { tab: tabs.find((name) => name === next) }, replace: true })}
      className="flex min-h-0 flex-1 flex-col"
    >
      <Tabs.List aria-label={t("policy.title")} className="flex shrink-0 gap-1 overflow-x-auto border-b border-line px-4">
        {tabs.map((name) => (
          <Tabs.Trigger
            key={name}
            value={name}
            // On a phone not all have room: the shown one is in view.
            ref={name === shown ? inView : undefined}
            className="-mb-px h-9 shrink-0 border-b-2 border-transparent px-2 text-ink-2 hover:text-ink focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-accent touch:h-11 touch:px-3"
          >
            {t(`policy.tabs.${name}`)}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      <Tabs.Content value="files" className={panel}>
        <FilesTab policy={policy} draft={draft} onDraft={setDraft} />
      </Tabs.Content>
      <Tabs.Content value="versions" className={panel}>
        <VersionsTab own={policy.own} />
      </Tabs.Content>
      <Tabs.Content value="test" className={panel}>
        <TestTab draft={draft} initial={policy.cases} changed={draft !== policy.own} />
      </Tabs.Content>
      <Tabs.Content value="replay" className={panel}>
        <ReplayTab draft={draft} changed={draft !== policy.own} />
      </Tabs.Content>
      {mayRead && (
        <>
          <Tabs.Content value="decisions" className={panel}>
            <DecisionsTab />
          </Tabs.Content>
          <Tabs.Content value="events" className={panel}>
            <EventsTab />
          </Tabs.Content>
        </>
      )}
    </Tabs.Root>
  );
}
