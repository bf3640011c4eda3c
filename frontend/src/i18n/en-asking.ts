/** What an agent asks whoever it answers, with its card. */
export const asking = {
  title: "The agent asks you",
  hint: "It goes on with what you answer. Never enter a password here.",
  options: "Possible answers",
  own: "Another answer",
  send: "Answer",
  sending: "Sending…",
  until: "Can be answered until {{time}}",
  answered: "You answered: {{answer}}",
  unanswered: "Not answered yet",
} as const;
