/** Why an agent answered, and what it asks of answers: with whatever shows that. */
export const agentWhy = {
  check: {
    cites_at_least: "rests on at least {{wanted}} passages",
    cites_documents: "rests on at least {{wanted}} documents",
    mentions_unit: "names a figure with its unit",
    repeats_warnings: "repeats the warnings of the passages it cites",
  },
  met: "met",
  unmet: "not met",
  found: "{{found}} of {{wanted}}",
  why: {
    named: "You chose it.",
    tried: "You tried version {{number}} of it.",
    nearest: "The question is nearest to what it is for.",
    continued: "The question alone does not say whom it is for, so the conversation goes on with the agent it was with.",
    unsure: "The question is clearly no other agent's.",
    example: "Like its example: “{{example}}”",
    words: "Words that speak for it: {{words}}",
    score: "Nearness {{score}}; next {{name}}, {{other}}",
    scoreBest: "Nearest otherwise: {{name}}, {{other}}",
  },
} as const;
