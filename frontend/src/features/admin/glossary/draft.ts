import type { CreateGlossaryEntry, GlossaryEntry, GlossaryLanguage } from "@/api/gateway-types";

/** A term as it is edited: what it stands for, one a line. */
export interface GlossaryDraft {
  term: string;
  expansions: string;
  language: GlossaryLanguage;
}

export const BLANK: GlossaryDraft = { term: "", expansions: "", language: "any" };

export function draftOf({ term, expansions, language }: GlossaryEntry): GlossaryDraft {
  return { term, expansions: expansions.join("\n"), language };
}

/** The term as the server takes it: without empty lines and spaces around. */
export function requestOf({ term, expansions, language }: GlossaryDraft): CreateGlossaryEntry {
  const lines = expansions.split("\n").map((line) => line.trim());
  return { term: term.trim(), expansions: lines.filter((line) => line !== ""), language };
}

/** What has to be put right before the server can be asked. */
export function missing(draft: GlossaryDraft): { term: boolean; expansions: boolean } {
  const { term, expansions } = requestOf(draft);
  return { term: term === "", expansions: expansions.length === 0 || expansions.length > 8 };
}
