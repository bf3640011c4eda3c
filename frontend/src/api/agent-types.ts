import type { components } from "./schema";
import type { Narrowed, Sent, Tier } from "./types";

type Schemas = components["schemas"];

export type AgentTexts = Sent<Schemas["AgentTextsResponse"]>;
export type AgentChecks = Sent<Schemas["AgentChecksResponse"]>;
export type AgentFinding = Narrowed<Schemas["AgentFindingResponse"], { severity: "error" | "warning" }>;
export type AgentDefinition = Narrowed<Schemas["AgentDefinitionResponse"], { title: AgentTexts; purpose: AgentTexts; tier: Tier | null; checks: AgentChecks }>;
export type Agent = Narrowed<Schemas["AgentResponse"], { definition: AgentDefinition | null }>;
export type AgentVersion = Sent<Schemas["AgentVersionResponse"]>;
export type AgentDetail = Agent & { shipped_text: string | null; versions: AgentVersion[] };
export type CreatedAgentVersion = Schemas["CreatedAgentVersionResponse"];
export interface AgentCheck {
  findings: AgentFinding[];
  definition: AgentDefinition | null;
}
/** An agent that a question may name. */
export type ChatAgent = Narrowed<Schemas["ChatAgentResponse"], { title: AgentTexts; purpose: AgentTexts }>;

/** Which agent answered, and why that one. */
export interface AnsweringAgent {
  name: string;
  title: AgentTexts;
  version: number | null;
  digest: string;
  choice: AgentChoice;
}
export interface AgentChoice {
  by: "named" | "tried" | "nearest" | "continued" | "unsure";
  score: number | null;
  nearest: string | null;
  words: string[];
  runner_up: { name: string; title: AgentTexts; score: number } | null;
}
/** What an agent asks of an answer, and whether it does that. */
export interface AnswerCheck {
  check: keyof AgentChecks;
  wanted: number;
  found: number;
  met: boolean;
}
