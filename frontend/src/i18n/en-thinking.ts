/** How a question is thought through before it is answered: with whatever offers or shows that. */
export const thinking = {
  choose: "Thinking",
  none: "Thinking: as usual",
  name: { red_team: "Red team", first_principles: "First principles", council: "Council" },
  option: "{{name}}: up to {{count}} more calls",
  turn: "{{name}}, turn {{turn}} of {{of}}",
  what: {
    red_team: ["An answer is proposed.", "Attackers look for what is wrong with it, each for another kind of failure."],
    first_principles: ["What is known is told apart from what is assumed.", "The answer is rebuilt from what is known."],
    council: ["Each gives their view.", "Each has heard the others.", "The chair says what they agree on, and who dissents."],
  },
  heard: "{{said}} of {{asked}} heard",
  supported: "a passage says it",
  opinion: "no passage says it",
  weightLong: "How bad: {{weight}} of 5",
  kind: { known: "Known", assumed: "Assumed", unknown: "Unknown", agreed: "Agreed", dissent: "Dissent" },
  passage: "Passage {{number}}: {{name}}",
  nothing: "Found nothing.",
  silent: { failed: "Was not heard: its model failed.", unreadable: "Said nothing that could be read.", withheld: "Withheld: it repeated its instructions.", late: "Was not heard: it took too long." },
  findings: "What was found, the worst first",
  by: "found by {{names}}",
  voices: "Voices",
} as const;
