import type { Problem } from "@/api/problem";
import type { CustomPattern, InjectionMode, PiiMode, PiiSettings, PiiType, PolicySettings } from "@/api/policy-types";

/** A pattern or a word list as it is edited. */
export interface DraftCustom {
  /** Stays the same while the others come and go. */
  key: number;
  kind: "pattern" | "words";
  name: string;
  pattern: string;
  /** One word or phrase a line. */
  words: string;
  mode: PiiMode;
}

export interface Draft {
  modes: PiiSettings["modes"];
  custom: DraftCustom[];
  injection: InjectionMode;
}

let keys = 0;

export function blankCustom(kind: DraftCustom["kind"]): DraftCustom {
  keys += 1;
  return { key: keys, kind, name: "", pattern: "", words: "", mode: "pseudonymise" };
}

function draftCustom({ name, pattern, words, mode }: CustomPattern): DraftCustom {
  const kind = pattern === undefined ? "words" : "pattern";
  return { ...blankCustom(kind), name, pattern: pattern ?? "", words: (words ?? []).join("\n"), mode };
}

export function draftOf(settings: PolicySettings): Draft {
  return { modes: settings.personal_data.modes, custom: settings.personal_data.custom.map(draftCustom), injection: settings.injection.user_messages };
}

/** The settings as the server takes them. Empty lines of a word list are left out. */
export function settingsOf(draft: Draft): PiiSettings {
  const custom = draft.custom.map(({ kind, name, pattern, words, mode }): CustomPattern => {
    const list = words.split("\n").map((word) => word.trim()).filter((word) => word !== "");
    return kind === "pattern" ? { name: name.trim(), pattern, mode } : { name: name.trim(), words: list, mode };
  });
  return { modes: draft.modes, custom };
}

/** A mode that is the default is not said, so that a later default holds. */
export function withMode(draft: Draft, name: PiiType, mode: PiiMode, byDefault: PiiMode): Draft {
  const { [name]: _before, ...others } = draft.modes;
  return { ...draft, modes: mode === byDefault ? others : { ...others, [name]: mode } };
}

export interface CustomErrors {
  name?: string | undefined;
  pattern?: string | undefined;
  words?: string | undefined;
  whole?: string | undefined;
}

/** What the server says of one pattern or word list: `personal_data.custom[2].words[1]` and the like. */
export function customErrors(problem: Problem | null, at: number): CustomErrors {
  const prefix = `personal_data.custom[${at}]`;
  const errors: CustomErrors = {};
  for (const { field, message } of problem?.fields ?? []) {
    if (!field.startsWith(prefix)) continue;
    const part = /^\.(name|pattern|words)/.exec(field.slice(prefix.length))?.[1] as keyof CustomErrors | undefined;
    errors[part ?? "whole"] ??= message;
  }
  return errors;
}

/** Whether everything that is wrong is shown beside its field. */
export function isBesideFields(problem: Problem): boolean {
  return problem.fields.length > 0 && problem.fields.every(({ field }) => field.startsWith("personal_data.custom["));
}
