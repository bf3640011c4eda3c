import type { GoalCheck, GoalStep } from "@/api/goal-types";

export type CheckState = "met" | "unmet" | "open";

/** A demand as the server words it where it is not met. */
function worded({ kind, text, count }: GoalCheck): string {
  switch (kind) {
    case "answered":
      return "the documents have to hold the answer";
    case "says":
      return `the answer has to say "${text ?? ""}"`;
    case "never_says":
      return `the answer may not say "${text ?? ""}"`;
    case "documents":
      return `the answer has to cite ${count ?? 0} documents or more`;
    case "figure_in":
      return `the answer has to name a figure in ${text ?? ""}`;
  }
}

/** What is known of each demand on a step: all are met where it has come about; where it failed for them, those that its error
 *  names are not, and the others are where it names nothing else. */
export function checkStates({ expects, status, error }: Pick<GoalStep, "expects" | "status" | "error">): CheckState[] {
  if (status === "done") return expects.map(() => "met");
  if (status !== "failed" || error?.code !== "check_failed") return expects.map(() => "open");
  const words = expects.map(worded);
  const unmet = words.map((text) => `; ${error.detail}; `.includes(`; ${text}; `));
  const named = words.filter((_, at) => unmet[at]).length;
  const rest = words.filter((_, at) => unmet[at]).reduce((left, text) => left.replace(text, ""), error.detail);
  const whole = named > 0 && /^[; ]*$/.test(rest);
  return unmet.map((is) => (is ? "unmet" : whole ? "met" : "open"));
}
