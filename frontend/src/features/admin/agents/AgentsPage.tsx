import { Link, getRouteApi } from "@tanstack/react-router";
import { ArrowLeft, Bot, Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Agent } from "@/api/agent-types";
import { asProblem } from "@/api/problem";
import { useAgentText } from "@/features/agents/texts";
import { addTexts } from "@/i18n";
import { agentAdmin } from "@/i18n/en-agent-admin";
import { agentWhy } from "@/i18n/en-agent-why";
import { cx } from "@/lib/cx";
import { useDocumentTitle } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton, Status } from "@/ui/parts";
import { AgentDetails } from "./AgentDetails";
import { NewAgent } from "./NewAgent";
import { useAgents } from "./queries";

addTexts({ agentAdmin, agentWhy });

const route = getRouteApi("/app/admin/agents/{-$name}");

/** All agents beside the one that is looked at; on a phone one after the other. */
export function AgentsPage() {
  const { t } = useTranslation();
  const { name } = route.useParams();
  const { create } = route.useSearch();
  const mayManage = useMay("configuration:manage");
  const query = useAgents();
  useDocumentTitle(t("agentAdmin.title"));
  const isOpen = name !== undefined || create === true;
  return (
    <section className="flex h-full min-h-0 flex-col" aria-label={t("agentAdmin.title")}>
      <header className={cx("shrink-0 border-b border-line px-4 pt-3 pb-2", isOpen && "max-lg:sr-only")}>
        <h1 className="text-lg font-semibold tracking-tight">{t("agentAdmin.title")}</h1>
        <p className="max-w-[90ch] text-ink-2">{t("agentAdmin.text")}</p>
      </header>
      <div className="flex min-h-0 flex-1">
        <nav aria-label={t("agentAdmin.list")} className={cx("w-full shrink-0 overflow-y-auto border-line p-3 lg:block lg:w-80 lg:border-r", isOpen && "hidden")}>
          {mayManage && (
            <Link
              to="/admin/agents/{-$name}"
              params={{}}
              search={{ create: true }}
              className="mb-3 flex h-8 w-full items-center justify-center gap-2 rounded-md border border-line-strong bg-ground px-3 font-medium hover:bg-hover touch:h-11"
            >
              <Plus size={14} aria-hidden="true" />
              {t("agentAdmin.create")}
            </Link>
          )}
          {query.isPending && <Skeleton className="h-64" />}
          {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
          <ul className="space-y-1">
            {query.data?.map((agent) => (
              <AgentItem key={agent.name} agent={agent} />
            ))}
          </ul>
        </nav>
        <div className={cx("min-h-0 min-w-0 flex-1 overflow-y-auto", !isOpen && "hidden lg:block")}>
          {isOpen && (
            <Link to="/admin/agents/{-$name}" params={{}} search={{}} className="flex h-11 items-center gap-1.5 px-4 text-sm text-ink-2 hover:text-ink lg:hidden">
              <ArrowLeft size={14} aria-hidden="true" />
              {t("agentAdmin.back")}
            </Link>
          )}
          {create === true ? <NewAgent /> : name !== undefined ? <AgentDetails key={name} name={name} /> : <EmptyState icon={<Bot size={28} />} title={t("agentAdmin.pick")} />}
        </div>
      </div>
    </section>
  );
}

function AgentItem({ agent }: { agent: Agent }) {
  const textOf = useAgentText();
  const toolNames = useToolNames();
  const { definition } = agent;
  return (
    <li data-testid="agent-row" data-agent={agent.name}>
      <Link
        to="/admin/agents/{-$name}"
        params={{ name: agent.name }}
        search={{}}
        activeOptions={{ includeSearch: false }}
        className="block rounded-md border border-transparent px-3 py-2 hover:bg-hover aria-[current=page]:border-accent aria-[current=page]:bg-accent-soft"
      >
        <span className="flex flex-wrap items-baseline justify-between gap-x-2">
          <span className="font-medium">{definition === null ? agent.name : textOf(definition.title)}</span>
          <AgentStanding agent={agent} />
        </span>
        {definition !== null && <span className="mt-0.5 line-clamp-2 text-sm text-ink-2">{textOf(definition.purpose)}</span>}
        <span className="mt-0.5 block text-xs text-ink-2 [overflow-wrap:anywhere]">
          <span className="font-mono">{agent.name}</span>
          {definition !== null && definition.tools.length > 0 && ` · ${toolNames(definition.tools)}`}
        </span>
      </Link>
    </li>
  );
}

const TOOLS = ["search_documents", "open_document", "read_on", "find_in_document", "table", "calculate", "date", "think_through", "ask_person"] as const;

/** Tools of the runtime, in words. */
export function useToolNames(): (names: readonly string[]) => string {
  const { t } = useTranslation();
  const nameOf = (name: string) => {
    const tool = TOOLS.find((known) => known === name);
    return tool === undefined ? name : t(`agentAdmin.tool.${tool}`);
  };
  return (names) => names.map(nameOf).join(", ");
}

/** Which definition of the agent holds, and whether it answers. */
export function AgentStanding({ agent }: { agent: Agent }) {
  const { t } = useTranslation();
  if (!agent.enabled) return <Status tone="neutral">{t("agentAdmin.disabled")}</Status>;
  if (agent.version !== null) {
    return agent.definition === null ? <Status tone="danger">{t("agentAdmin.inForce.broken")}</Status> : <Status tone="accent">{t("agentAdmin.inForce.version", { number: agent.version })}</Status>;
  }
  return <Status tone="neutral">{t(agent.shipped ? "agentAdmin.inForce.shipped" : "agentAdmin.inForce.none")}</Status>;
}
