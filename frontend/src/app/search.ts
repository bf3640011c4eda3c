import type { Role, UserKind, UserStatus } from "@/api/identity-types";
import { USAGE_GROUPS, type UsageGroup } from "@/api/gateway-types";
import { MEMORY_KINDS, type MemoryKind } from "@/api/memory-types";
import { POLICY_EVENT_KINDS, POLICY_OUTCOMES, type PolicyEventKind, type PolicyOutcome } from "@/api/policy-types";
import type { LabelRequestStatus } from "@/api/types";
import { USAGE_SORTS, type UsageSort } from "@/features/usage/sort";
import { USAGE_PERIODS, type UsagePeriod } from "@/lib/period";

export type RawSearch = Record<string, unknown>;

/** A search parameter as text; absent when empty, so that links stay short. */
export function text(search: RawSearch, name: string): string | undefined {
  const value = search[name];
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A whole number. */
export function count(search: RawSearch, name: string): number | undefined {
  const value = Number(search[name]);
  return Number.isSafeInteger(value) && value >= 0 && search[name] !== "" ? value : undefined;
}

/** One of the words that are known; anything else is as if it were not there. */
export function oneOf<T extends string>(search: RawSearch, name: string, allowed: readonly T[]): T | undefined {
  return allowed.find((value) => value === search[name]);
}

export interface SignInSearch {
  return?: string | undefined;
  /** Why the identity provider's sign-in came to nothing, and where that is logged. */
  error?: string | undefined;
  trace_id?: string | undefined;
}

export interface ChatSearch {
  source?: string | undefined;
  find?: string | undefined;
}

export interface GoalSearch {
  step?: string | undefined;
  source?: string | undefined;
}

export interface EvaluationSearch {
  /** The one that it is held against. */
  with?: string | undefined;
  /** The case that is open. */
  case?: string | undefined;
  only?: "wrong" | undefined;
}

export const DOCUMENT_STATUSES = ["queued", "processing", "ready", "scheduled", "failed", "superseded", "expired"] as const;
export const DOCUMENT_TABS = ["versions", "passages", "text"] as const;

export interface DocumentsSearch {
  q?: string | undefined;
  status?: (typeof DOCUMENT_STATUSES)[number] | undefined;
  tag?: string | undefined;
  tab?: (typeof DOCUMENT_TABS)[number] | undefined;
  version?: number | undefined;
  page?: number | undefined;
  start?: number | undefined;
  end?: number | undefined;
}

export function documentsSearch(search: RawSearch): DocumentsSearch {
  return {
    q: text(search, "q"),
    status: oneOf(search, "status", DOCUMENT_STATUSES),
    tag: text(search, "tag"),
    tab: oneOf(search, "tab", DOCUMENT_TABS),
    version: count(search, "version"),
    page: count(search, "page"),
    start: count(search, "start"),
    end: count(search, "end"),
  };
}

export interface MemorySearch {
  q?: string | undefined;
  kind?: MemoryKind | undefined;
}

export function memorySearch(search: RawSearch): MemorySearch {
  return { q: text(search, "q"), kind: oneOf(search, "kind", MEMORY_KINDS) };
}

export interface AuditSearch {
  actor?: string | undefined;
  action?: string | undefined;
  resource_type?: string | undefined;
  resource_id?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  entry?: string | undefined;
}

export function auditSearch(search: RawSearch): AuditSearch {
  return {
    actor: text(search, "actor"),
    action: text(search, "action"),
    resource_type: text(search, "resource_type"),
    resource_id: text(search, "resource_id"),
    from: text(search, "from"),
    to: text(search, "to"),
    entry: text(search, "entry"),
  };
}

export const JOB_STATUSES = ["queued", "running", "succeeded", "dead"] as const;

export interface JobsSearch {
  status?: (typeof JOB_STATUSES)[number] | undefined;
}

export const POLICY_TABS = ["files", "versions", "test", "replay", "decisions", "events"] as const;
export type PolicyTab = (typeof POLICY_TABS)[number];

export interface PolicySearch {
  tab?: PolicyTab | undefined;
  version?: number | undefined;
  kind?: PolicyEventKind | undefined;
  outcome?: PolicyOutcome | undefined;
}

export function policySearch(search: RawSearch): PolicySearch {
  return {
    tab: oneOf(search, "tab", POLICY_TABS),
    version: count(search, "version"),
    kind: oneOf(search, "kind", POLICY_EVENT_KINDS),
    outcome: oneOf(search, "outcome", POLICY_OUTCOMES),
  };
}

export const AGENT_TABS = ["definition", "versions", "try"] as const;
export type AgentTab = (typeof AGENT_TABS)[number];

export interface AgentsSearch {
  tab?: AgentTab | undefined;
  /** The version that is looked at; 0 for the one that ships. */
  version?: number | undefined;
  /** A further agent is being written. */
  create?: true | undefined;
}

export function agentsSearch(search: RawSearch): AgentsSearch {
  return { tab: oneOf(search, "tab", AGENT_TABS), version: count(search, "version"), create: search["create"] === true ? true : undefined };
}

export interface LabelRequestsSearch {
  status?: LabelRequestStatus | undefined;
}

export interface UsageSearch {
  period?: UsagePeriod | undefined;
  from?: string | undefined;
  to?: string | undefined;
  group?: UsageGroup | undefined;
  sort?: UsageSort | undefined;
  asc?: true | undefined;
}

export function usageSearch(search: RawSearch): UsageSearch {
  return {
    period: oneOf(search, "period", USAGE_PERIODS),
    from: text(search, "from"),
    to: text(search, "to"),
    group: oneOf(search, "group", USAGE_GROUPS),
    sort: oneOf(search, "sort", USAGE_SORTS),
    asc: search["asc"] === true ? true : undefined,
  };
}

export interface UsersSearch {
  q?: string | undefined;
  role?: Role | undefined;
  status?: UserStatus | undefined;
  kind?: UserKind | undefined;
}

/** Only a path of this site: a link must not lead a person who signs in to another host. */
export function safeReturn(value: string | undefined): string {
  return value !== undefined && /^\/(?![/\\])/.test(value) ? value : "/";
}

/** Anybody can make such a link, so only what has the form of a code is shown. */
export function signInSearch(search: RawSearch): SignInSearch {
  const formed = (name: string, form: RegExp) => {
    const value = text(search, name);
    return value !== undefined && form.test(value) ? value : undefined;
  };
  return { return: text(search, "return"), error: formed("error", /^[a-z_]{1,40}$/), trace_id: formed("trace_id", /^[0-9a-f]{32}$/) };
}
