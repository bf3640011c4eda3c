import { CLASSIFICATIONS, type Classification, type Label } from "@/api/types";

/** `ITAR`, or `EAR:` with its number; after 15 CFR 774, as the server checks it. */
const REGIME = /^(ITAR|EAR:(EAR99|\d[A-E]\d{3}[a-z0-9.]{0,11}))$/;
const GROUP = /^[a-z0-9._-]{1,64}$/;
const MOST = 32;

/** The words of a list as a person types it: separated by commas or spaces, each once. */
export function wordsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((word) => word !== ""))].sort();
}

/** The first word that is no export regime. An authorisation may also be all of EAR. */
export function wrongRegime(words: readonly string[], asAuthorisation = false): string | undefined {
  return words.find((word) => !REGIME.test(word) && !(asAuthorisation && word === "EAR"));
}

export function wrongGroup(words: readonly string[]): string | undefined {
  return words.find((word) => !GROUP.test(word));
}

export function tooMany(words: readonly string[]): boolean {
  return words.length > MOST;
}

export function rank(classification: Classification): number {
  return CLASSIFICATIONS.indexOf(classification);
}

function within(inner: readonly string[], outer: readonly string[]): boolean {
  return inner.every((word) => outer.includes(word));
}

/** Whether `other` is at least as high in every part: then whoever may have it may have this. */
export function risesTo(label: Label, other: Label): boolean {
  return (
    rank(label.classification) <= rank(other.classification) &&
    within(label.export_control, other.export_control) &&
    within(label.groups, other.groups) &&
    !(label.integrity === "untrusted" && other.integrity === "trusted")
  );
}

export function sameLabel(label: Label, other: Label): boolean {
  return risesTo(label, other) && risesTo(other, label);
}

/** The label alone, of something that carries one. */
export function labelOf({ classification, export_control, integrity, groups }: Label): Label {
  return { classification, export_control, integrity, groups };
}
