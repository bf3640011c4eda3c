import type { Dictionary } from "./en";
import type * as en from "./en-runs";

export const timeline: Dictionary<typeof en.timeline> = {
  title: "Zeitverlauf",
  step: "Schritt",
  place: "Wann, von der ganzen Zeit",
  time: "Zeit",
  tokens: "Tokens",
  cost: "Kosten",
  decisions: "Entscheidungen",
  all: "Ganzer Lauf",
  goesOn: "läuft noch",
  denied: "{{denied}} von {{of}} abgelehnt",
  showDecisions_one: "{{count}} Entscheidung der Richtlinie",
  showDecisions_other: "{{count}} Entscheidungen der Richtlinie",
  verdict: { ALLOW: "erlaubt", DENY: "abgelehnt", REQUIRE_APPROVAL: "braucht Freigabe" },
};
