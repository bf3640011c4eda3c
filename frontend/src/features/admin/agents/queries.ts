import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { Agent, AgentCheck, AgentDetail } from "@/api/agent-types";
import { getJson, sendJson } from "@/api/client";

export const AGENTS_KEY = ["agents"] as const;
const PATH = "/agents";

export function useAgents() {
  return useQuery({
    queryKey: AGENTS_KEY,
    queryFn: async ({ signal }) => (await getJson<{ items: Agent[] }>(PATH, undefined, signal)).items,
  });
}

export function useAgent(name: string) {
  return useQuery({
    queryKey: [...AGENTS_KEY, name],
    queryFn: ({ signal }) => getJson<AgentDetail>(`${PATH}/${name}`, undefined, signal),
  });
}

/** What is wrong with a definition that is not stored yet. */
export function useCheck(definition: string) {
  return useQuery({
    queryKey: [...AGENTS_KEY, "check of", definition],
    queryFn: () => sendJson<AgentCheck>("POST", `${PATH}/check`, { definition }),
    staleTime: Infinity,
    placeholderData: (previous) => previous,
  });
}

/** Shows an agent as the server has just sent it, and reads the lists anew. */
export function useAgentChanged(): (agent: AgentDetail) => void {
  const client = useQueryClient();
  return (agent) => {
    client.setQueryData([...AGENTS_KEY, agent.name], agent);
    void client.invalidateQueries({ queryKey: AGENTS_KEY, exact: true });
    void client.invalidateQueries({ queryKey: ["chat", "agents"] });
  };
}

/** The text that is in force; null where none is. */
export function textInForce(agent: AgentDetail): string | null {
  return agent.version === null ? agent.shipped_text : (agent.versions.find(({ active }) => active)?.definition ?? null);
}
