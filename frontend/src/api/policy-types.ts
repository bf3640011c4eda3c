import type { personalData } from "@/i18n/en-admin";
import type { RoutingSettings } from "./gateway-types";
import type { components } from "./schema";
import type { ListPage, Narrowed, Sent } from "./types";

type Schemas = components["schemas"];

export type PolicyText = Schemas["PolicyText"];
export type Verdict = Schemas["Verdict"];
export type Policy = Sent<Schemas["PolicyResponse"]>;
export type LintFinding = Sent<Schemas["LintFinding"]>;
export type CaseReport = Schemas["CaseReport"];
export type ReplayChange = Schemas["ReplayChange"];
export type Replay = Schemas["PolicyReplayResponse"];
export type PolicyVersion = Sent<Schemas["PolicyVersionResponse"]>;

export type PolicyEventKind = Schemas["PolicyEventKindName"];
/** The OpenAPI document describes the words in prose. */
export type PolicyOutcome = "shadow" | "warn" | "block" | "quarantine" | "cut";
export type PolicyEvent = Narrowed<Schemas["PolicyEventResponse"], { outcome: PolicyOutcome }>;
export type PolicyEventCount = Narrowed<Schemas["PolicyEventCountResponse"], { outcome: PolicyOutcome }>;
export interface PolicyEventCounts {
  since: string;
  items: PolicyEventCount[];
}
export type PolicyDecision = Narrowed<
  Schemas["DecisionResponse"],
  { verdict: Verdict; policies: (string | { id: string; reason?: string })[]; would_allow: string[]; request: Record<string, unknown> }
>;

export type PiiMode = Schemas["Mode"];
/** The words as they travel; each has a name in the dictionary. */
export type PiiType = keyof (typeof personalData)["names"];
export type InjectionMode = Schemas["InjectionMode"];
export interface CustomPattern {
  name: string;
  pattern?: string;
  words?: string[];
  mode: PiiMode;
}
export interface PiiSettings {
  modes: Partial<Record<PiiType, PiiMode>>;
  custom: CustomPattern[];
}
export type PolicySettings = Narrowed<
  Schemas["PolicySettingsResponse"],
  { personal_data: PiiSettings; injection: { user_messages: InjectionMode }; routing: RoutingSettings; types: { name: PiiType; mode: PiiMode; default_mode: PiiMode }[] }
>;
export type PiiPreview = Schemas["PreviewResponse"];
export type PiiFinding = Schemas["FindingResponse"];

export const POLICY_EVENT_KINDS: readonly PolicyEventKind[] = ["injection", "export_blocked", "label_denied", "personal_data_blocked", "output_withheld"];
export const POLICY_OUTCOMES: readonly PolicyOutcome[] = ["shadow", "warn", "block", "quarantine", "cut"];
export const PII_MODES: readonly PiiMode[] = ["pseudonymise", "mask", "allow", "block"];
export const INJECTION_MODES: readonly InjectionMode[] = ["shadow", "warn", "block"];

export type { ListPage };
