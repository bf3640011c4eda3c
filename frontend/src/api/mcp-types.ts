import type { components } from "./schema";
import type { Narrowed } from "./types";

type Schemas = components["schemas"];

export type McpToolState = "enabled" | "changed" | "gone" | "disabled";
export type McpTool = Narrowed<Schemas["McpToolResponse"], { state: McpToolState }>;
export type McpServer = Schemas["McpServerResponse"];
export type McpServerDetail = Narrowed<Schemas["McpServerDetailResponse"], { tools: McpTool[] }>;
export type McpServerList = Schemas["McpServerListResponse"];
export type CreateMcpServer = Schemas["CreateMcpServerRequest"];
export type ChangeMcpServer = Schemas["ChangeMcpServerRequest"];
export type EnableMcpTool = Schemas["EnableMcpToolRequest"];
