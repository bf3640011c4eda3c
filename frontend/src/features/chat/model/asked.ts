/** What an agent asks whoever it answers. */
export interface PersonQuestion {
  question: string;
  options: string[];
  /** Until when it can be answered. */
  until: string | null;
  answer: string | null;
}

/** What a person is or was asked, as it travels; null for what is none. */
export function askedOf(value: unknown): PersonQuestion | null {
  const asked = value as Partial<Record<keyof PersonQuestion, unknown>> | null | undefined;
  if (typeof asked?.question !== "string") return null;
  const text = (part: unknown) => (typeof part === "string" ? part : null);
  const options = Array.isArray(asked.options) ? asked.options.filter((option) => typeof option === "string") : [];
  return { question: asked.question, options, until: text(asked.until), answer: text(asked.answer) };
}
