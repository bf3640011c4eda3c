/** With every answer. */
export const agents = {
  answeredBy: "Answered by {{name}}",
  auto: "Agent: automatic",
  choose: "Agent",
} as const;
