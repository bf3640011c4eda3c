import type { components } from "./schema";
import type { Failure, Label, Narrowed } from "./types";

type Schemas = components["schemas"];

/** Why a file is not taken in; the OpenAPI document describes the words in prose. */
export type SkipReason = "link" | "special" | "name" | "too_deep" | "too_large" | "format" | "unreadable" | "owner_only" | "unmapped_group" | "unknown_group";

/** What a pass met; empty before the first. */
export interface PassReport {
  seen?: number;
  new?: number;
  changed?: number;
  removed?: number;
  relabelled?: number;
  hidden?: number;
  passed_over?: number;
  skipped?: Partial<Record<SkipReason, number>>;
  problems?: { path: string; reason: SkipReason }[];
}

export type SourceClock = Narrowed<Schemas["ClockResponse"], { report: PassReport; failure: Failure | null }>;
export type Source = Narrowed<
  Schemas["SourceResponse"],
  { contents: SourceClock | null; permissions: SourceClock | null; group_map: Record<string, string> | null }
> &
  Label;
export type SourceList = Narrowed<Schemas["SourceListResponse"], { items: Source[] }>;
export type CreateSource = Schemas["CreateSourceRequest"];
export type ChangeSource = Schemas["ChangeSourceRequest"];
