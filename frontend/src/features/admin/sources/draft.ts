import type { ChangeSource, CreateSource, Source } from "@/api/source-types";
import type { Classification } from "@/api/types";
import { wordsOf, wrongGroup } from "@/lib/labels";

/** A watched folder as it is edited. */
export interface SourceDraft {
  name: string;
  path: string;
  classification: Classification;
  regimes: string;
  groups: string;
  tags: string;
  /** `unix group = access group`, one a line. */
  groupMap: string;
  /** Minutes, as typed. */
  content: string;
  permission: string;
  maxAge: string;
}

export const BLANK: SourceDraft = {
  name: "",
  path: "",
  classification: "INTERNAL",
  regimes: "",
  groups: "",
  tags: "",
  groupMap: "",
  content: "15",
  permission: "5",
  maxAge: "60",
};

const minutes = (seconds: number) => String(Math.round((seconds / 60) * 100) / 100);

const pairText = ([unix, group]: [string, string]) => `${unix} = ${group}`;

export function draftOf(source: Source): SourceDraft {
  return {
    name: source.name,
    path: source.path,
    classification: source.classification,
    regimes: source.export_control.join(", "),
    groups: source.groups.join(", "),
    tags: source.tags.join(", "),
    groupMap: Object.entries(source.group_map ?? {}).map(pairText).join("\n"),
    content: minutes(source.content_interval_s),
    permission: minutes(source.permission_interval_s),
    maxAge: minutes(source.permission_max_age_s),
  };
}

/** The map of groups, or null for a line that is none. An empty text is an empty map. */
export function groupMapOf(text: string): Record<string, string> | null {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const pairs = lines.map((line) => line.split("=").map((word) => word.trim()));
  const good = pairs.every(([unix, group, ...rest]) => unix !== undefined && unix !== "" && group !== undefined && group !== "" && rest.length === 0 && wrongGroup([group]) === undefined);
  return good ? Object.fromEntries(pairs as [string, string][]) : null;
}

/** The pairs that the source has and the draft has not: more can be added, but none taken away or changed. */
export function missingPairs(draft: SourceDraft, source: Source | null): string[] {
  const map = groupMapOf(draft.groupMap);
  if (map === null) return [];
  return Object.entries(source?.group_map ?? {})
    .filter(([unix, group]) => map[unix] !== group)
    .map(pairText);
}

const seconds = (text: string) => Math.round(Number(text.replace(",", ".")) * 60);

function tagsOf(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function settingsOf(draft: SourceDraft) {
  const map = groupMapOf(draft.groupMap) ?? {};
  return {
    name: draft.name.trim(),
    classification: draft.classification,
    export_control: wordsOf(draft.regimes),
    groups: wordsOf(draft.groups),
    tags: tagsOf(draft.tags),
    ...(Object.keys(map).length === 0 ? {} : { group_map: map }),
    content_interval_s: seconds(draft.content),
    permission_interval_s: seconds(draft.permission),
    permission_max_age_s: seconds(draft.maxAge),
  };
}

export function createOf(draft: SourceDraft): CreateSource {
  return { ...settingsOf(draft), path: draft.path.trim() === "" ? "." : draft.path.trim() };
}

export function changeOf(draft: SourceDraft): ChangeSource {
  return settingsOf(draft);
}

export type Fault = "name" | "groupMap" | "groupMapKept" | "content" | "permission" | "maxAge";

/** What has to be put right before the server can be asked; `source` is null for one that is not there yet. */
export function faults(draft: SourceDraft, source: Source | null): Set<Fault> {
  const found = new Set<Fault>();
  if (draft.name.trim() === "") found.add("name");
  if (groupMapOf(draft.groupMap) === null) found.add("groupMap");
  if (missingPairs(draft, source).length > 0) found.add("groupMapKept");
  for (const field of ["content", "permission", "maxAge"] as const) {
    if (!(seconds(draft[field]) > 0)) found.add(field);
  }
  if (!(seconds(draft.maxAge) > seconds(draft.permission))) found.add("maxAge");
  return found;
}
