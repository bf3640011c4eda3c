/** Why a step was skipped or stopped, as the server words it, and what that is called here. */
const REASONS = {
  "too few of the steps that it needs came about": "tooFew",
  "a step that it needs did not come about": "needLost",
  "a gate said no": "gateNo",
  "no step came about that it could be written from": "nothingFound",
  "it is not needed any more": "notNeeded",
} as const;

export type Reason = (typeof REASONS)[keyof typeof REASONS];

/** Null for words that are not known here. */
export function reasonOf(words: string): Reason | null {
  return Object.hasOwn(REASONS, words) ? REASONS[words as keyof typeof REASONS] : null;
}
