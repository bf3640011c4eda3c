import { createContext, useContext } from "react";
import type { Goal } from "@/api/goal-types";

export interface GoalContextValue {
  goal: Goal;
  /** The citation whose source is shown. */
  source: { messageId: string; number: number } | null;
  openSource: (key: string | null) => void;
  /** The step that is looked at. */
  picked: string | undefined;
  pickStep: (name: string | null) => void;
  /** The person is writing another plan. */
  changing: boolean;
  setChanging: (changing: boolean) => void;
}

export const PLAN_HEADING = "goal-plan";

/** Where the focus goes when what had it is done with and gone. */
export function focusPlan(): void {
  document.getElementById(PLAN_HEADING)?.focus();
}

export const GoalContext = createContext<GoalContextValue | null>(null);

export function useShownGoal(): GoalContextValue {
  const value = useContext(GoalContext);
  if (value === null) throw new Error("useShownGoal outside of a goal's page");
  return value;
}
