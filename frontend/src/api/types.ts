import type { components } from "./schema";

type Schemas = components["schemas"];

export type Classification = Schemas["Classification"];
export type Role = Schemas["Role"];
export type Tier = Schemas["Tier"];
export type User = Schemas["User"];
export type LoginResponse = Schemas["LoginResponse"];
export type Stage = Schemas["Stage"];
export type Version = Schemas["Version"];
export type Document = Schemas["Document"];
export type DocumentDetail = Schemas["DocumentDetail"];
export type Chunk = Schemas["Chunk"];
export type PageText = Schemas["PageText"];
export type Citation = Schemas["Citation"];
export type Message = Schemas["Message"];
export type ConversationSummary = Schemas["ConversationSummary"];
export type Conversation = Schemas["Conversation"];
export type Run = Schemas["Run"];
export type RunStep = Schemas["RunStep"];
export type AuditEntry = Schemas["AuditEntry"];
export type Job = Schemas["Job"];
export type ProblemBody = Schemas["Problem"];

/** One page of a list. */
export interface ListPage<T> {
  items: T[];
  next_cursor: string | null;
}

export const CLASSIFICATIONS: readonly Classification[] = ["PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED"];
export const STAGES: readonly Stage[] = ["parse", "chunk", "embed", "index"];
