import { useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { FileQuestion } from "lucide-react";
import { Tabs } from "radix-ui";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AgentDefinition, AgentDetail } from "@/api/agent-types";
import { sendJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import { AGENT_TABS } from "@/app/search";
import { useAgentText } from "@/features/agents/texts";
import { useMay } from "@/lib/may";
import { Button } from "@/ui/Button";
import type { Spot } from "@/ui/CodeArea";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { ClassificationLabel, EmptyState, Skeleton } from "@/ui/parts";
import { AgentStanding, useToolNames } from "./AgentsPage";
import { DefinitionTab } from "./DefinitionTab";
import { textInForce, useAgent, useAgentChanged } from "./queries";
import { TryTab } from "./TryTab";
import { VersionsTab } from "./VersionsTab";

const route = getRouteApi("/app/admin/agents/{-$name}");

/** One agent: what holds, its text, its versions, and a place to try them. */
export function AgentDetails({ name }: { name: string }) {
  const { t } = useTranslation();
  const query = useAgent(name);
  // Once it is known it stays, also where it cannot be read anew: what is being written is not lost.
  if (query.data !== undefined) return <Known agent={query.data} />;
  if (query.isPending) {
    return (
      <div className="space-y-3 p-4" aria-busy="true">
        <Skeleton className="h-6 w-64" />
        <Skeleton className="h-24" />
        <Skeleton className="h-64" />
      </div>
    );
  }
  const problem = asProblem(query.error);
  return problem.status === 404 ? <EmptyState icon={<FileQuestion size={28} />} title={t("agentAdmin.unknown")} /> : <ProblemNotice problem={problem} onRetry={() => void query.refetch()} className="m-4" />;
}

/** A text that is not stored yet, and the one that it began from. */
interface Draft {
  text: string;
  from: string;
}

function Known({ agent }: { agent: AgentDetail }) {
  const { t } = useTranslation();
  const textOf = useAgentText();
  const { tab = "definition" } = route.useSearch();
  const navigate = route.useNavigate();
  const mayManage = useMay("configuration:manage");
  const tabs = AGENT_TABS.filter((shown) => mayManage || shown !== "try");
  const shown = tabs.includes(tab) ? tab : "definition";
  const { definition } = agent;
  const [draft, setDraft] = useState<Draft | null>(null);
  const [spot, setSpot] = useState<Spot | null>(null);
  const held = textInForce(agent) ?? agent.versions[0]?.definition ?? "";
  // What holds as it is written is no draft.
  if (draft?.text === held) setDraft(null);
  const write = (text: string) => setDraft({ text, from: draft?.from ?? held });
  const goOn = (text: string) => {
    setDraft({ text, from: held });
    setSpot({ line: 1 });
    void navigate({ search: { tab: "definition" } });
  };
  const pickTab = (next: string) => {
    // The focus stays with the tabs.
    setSpot(null);
    void navigate({ search: { tab: tabs.find((known) => known === next) }, replace: true });
  };
  return (
    <div className="flex min-h-full flex-col">
      <header className="shrink-0 px-4 pt-3 pb-2">
        <div className="mb-1 flex flex-wrap items-center justify-between gap-2">
          <h2 className="text-lg font-semibold tracking-tight">{definition === null ? agent.name : textOf(definition.title)}</h2>
          {mayManage && <Service agent={agent} />}
        </div>
        <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-ink-2">
          <span className="font-mono">{agent.name}</span>
          <span>{t(agent.shipped ? "agentAdmin.shipped" : "agentAdmin.own")}</span>
          <AgentStanding agent={agent} />
        </p>
        {definition === null ? agent.version !== null && <p className="mt-2 text-ink-2">{t("agentAdmin.brokenText")}</p> : <Facts definition={definition} />}
        {agent.required && <p className="mt-2 text-sm text-ink-2">{t("agentAdmin.required")}</p>}
      </header>
      <Tabs.Root value={shown} onValueChange={pickTab} className="flex flex-1 flex-col">
        <Tabs.List aria-label={agent.name} className="flex shrink-0 gap-1 overflow-x-auto border-b border-line px-4">
          {tabs.map((known) => (
            <Tabs.Trigger
              key={known}
              value={known}
              className="-mb-px h-9 shrink-0 border-b-2 border-transparent px-2 text-ink-2 hover:text-ink focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-accent touch:h-11 touch:px-3"
            >
              {t(`agentAdmin.tabs.${known}`)}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="definition" className="flex-1 p-4 outline-none">
          <DefinitionTab
            name={agent.name}
            initial={held}
            text={draft?.text ?? held}
            outdated={draft !== null && draft.from !== held}
            spot={spot}
            onSpot={setSpot}
            onChange={write}
            onStored={(text) => setDraft((known) => (known?.text === text ? null : known))}
          />
        </Tabs.Content>
        <Tabs.Content value="versions" className="flex-1 p-4 outline-none">
          <VersionsTab agent={agent} hasDraft={draft !== null} onGoOn={goOn} />
        </Tabs.Content>
        {mayManage && (
          <Tabs.Content value="try" className="flex-1 p-4 outline-none">
            <TryTab agent={agent} />
          </Tabs.Content>
        )}
      </Tabs.Root>
    </div>
  );
}

/** What the definition in force says, in words. */
function Facts({ definition }: { definition: AgentDefinition }) {
  const { t } = useTranslation();
  const textOf = useAgentText();
  const toolNames = useToolNames();
  const { checks, tools, tier, up_to: upTo } = definition;
  const asked = [
    ...(checks.cites_at_least === null ? [] : [t("agentWhy.check.cites_at_least", { wanted: checks.cites_at_least })]),
    ...(checks.cites_documents === null ? [] : [t("agentWhy.check.cites_documents", { wanted: checks.cites_documents })]),
    ...(checks.mentions_unit ? [t("agentWhy.check.mentions_unit")] : []),
    ...(checks.repeats_warnings ? [t("agentWhy.check.repeats_warnings")] : []),
  ];
  return (
    <>
      <p className="mt-1 max-w-[75ch]">{textOf(definition.purpose)}</p>
      <dl className="mt-2 grid grid-cols-1 gap-x-4 gap-y-0.5 text-sm sm:grid-cols-[auto_1fr]">
        <dt className="text-ink-2">{t("agentAdmin.tools")}</dt>
        <dd>{tools.length === 0 ? t("agentAdmin.toolsNone") : toolNames(tools)}</dd>
        <dt className="text-ink-2">{t("agentAdmin.tier")}</dt>
        <dd>{tier === null ? t("agentAdmin.tierAuto") : t(`tiers.${tier}`)}</dd>
        <dt className="text-ink-2">{t("agentAdmin.upTo")}</dt>
        <dd>{upTo === null ? t("agentAdmin.upToAny") : <ClassificationLabel value={upTo} />}</dd>
        <dt className="text-ink-2">{t("agentAdmin.checks")}</dt>
        <dd>{asked.length === 0 ? t("agentAdmin.checksNone") : asked.join("; ")}</dd>
      </dl>
    </>
  );
}

/** Takes the agent out of service and puts it back. */
function Service({ agent }: { agent: AgentDetail }) {
  const { t } = useTranslation();
  const changed = useAgentChanged();
  const [asking, setAsking] = useState(false);
  const set = useMutation({
    mutationFn: (word: "enable" | "disable") => sendJson<AgentDetail>("POST", `/agents/${agent.name}/${word}`, undefined),
    onSuccess: (next) => {
      setAsking(false);
      changed(next);
    },
  });
  if (agent.required) return null;
  return (
    <>
      {agent.enabled ? (
        <Button kind="caution" onClick={() => setAsking(true)}>
          {t("agentAdmin.disable")}
        </Button>
      ) : (
        <Button onClick={() => set.mutate("enable")} disabled={set.isPending}>
          {t("agentAdmin.enable")}
        </Button>
      )}
      {asking && (
        <ConfirmDialog
          title={t("agentAdmin.disableTitle", { name: agent.name })}
          text={t("agentAdmin.disableText")}
          action={t("agentAdmin.disable")}
          pending={set.isPending}
          error={set.error}
          onConfirm={() => set.mutate("disable")}
          onClose={() => setAsking(false)}
        />
      )}
      {!asking && set.error !== null && <ProblemNotice problem={asProblem(set.error)} className="w-full" />}
    </>
  );
}
