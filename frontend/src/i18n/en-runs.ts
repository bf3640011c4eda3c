/** The steps of a run against its time. */
export const timeline = {
  title: "Timeline",
  step: "Step",
  place: "When, of the whole time",
  time: "Time",
  tokens: "Tokens",
  cost: "Cost",
  decisions: "Decisions",
  all: "Whole run",
  goesOn: "goes on",
  denied: "{{denied}} of {{of}} denied",
  showDecisions_one: "{{count}} decision of policy",
  showDecisions_other: "{{count}} decisions of policy",
  verdict: { ALLOW: "allowed", DENY: "denied", REQUIRE_APPROVAL: "needs approval" },
} as const;
