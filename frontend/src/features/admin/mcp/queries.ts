import { useQuery, type QueryClient } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { McpServerDetail, McpServerList } from "@/api/mcp-types";

const KEY = ["mcp-servers"] as const;
export const SERVERS_PATH = "/mcp-servers";

/** All MCP servers, without their tools. */
export function useServers() {
  return useQuery({ queryKey: KEY, queryFn: ({ signal }) => getJson<McpServerList>(SERVERS_PATH, {}, signal) });
}

/** One of them with its tools. */
export function useServer(id: string) {
  return useQuery({ queryKey: [...KEY, id], queryFn: ({ signal }) => getJson<McpServerDetail>(`${SERVERS_PATH}/${id}`, {}, signal) });
}

export async function invalidateServers(client: QueryClient): Promise<void> {
  await client.invalidateQueries({ queryKey: KEY });
}
