import { useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { getJson, send, sendJson } from "@/api/client";
import type { CreateGoal, Goal, GoalStatus, PlanStep, PlanVersion } from "@/api/goal-types";
import { asProblem, type Problem } from "@/api/problem";
import { useDebounced } from "@/lib/hooks";
import { planError, type PlanError } from "./model/plan-error";

export const GOALS_KEY = ["goals"] as const;
const CHECK_MS = 350;
const MODEL_KEY = ["models", "chat"] as const;
/** What the server answers where a plan is wanted of a model that is not there. */
export const NO_MODEL = "not_configured";
/** What a request names that leaves the choice of a model to the server; offered where there is a language model. */
const ANY_MODEL = "millwright-auto";

export function goalKey(id: string) {
  return ["goal", id] as const;
}

export function hasEnded(status: GoalStatus): boolean {
  return status === "finished" || status === "failed" || status === "cancelled";
}

/** Whether the plan may be changed: while nothing goes on. */
export function mayChangePlan(status: GoalStatus): boolean {
  return status === "proposed" || status === "paused";
}

export function useGoal(id: string) {
  return useQuery({
    queryKey: goalKey(id),
    queryFn: async ({ signal, client }) => newest(client.getQueryData<Goal>(goalKey(id)), await getJson<Goal>(`/goals/${id}`, undefined, signal)),
  });
}

/** An answer that was under way for long is no step back. */
function newest(known: Goal | undefined, goal: Goal): Goal {
  return known !== undefined && known.revision > goal.revision ? known : goal;
}

export function showGoal(client: QueryClient, goal: Goal): void {
  client.setQueryData<Goal>(goalKey(goal.id), (known) => newest(known, goal));
}

export interface GoalAction {
  method: "POST" | "PUT";
  /** After the goal's own path. */
  path: "pause" | "resume" | "cancel" | "approve" | "decide" | "plan";
  body?: unknown;
}

/** Something that is done with a goal and answered with how it stands then. */
export function useGoalAction(id: string, onDone?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ method, path, body }: GoalAction) => sendJson<Goal>(method, `/goals/${id}/${path}`, body),
    onSuccess: (goal) => {
      showGoal(client, goal);
      void client.invalidateQueries({ queryKey: GOALS_KEY });
      void client.invalidateQueries({ queryKey: [...goalKey(id), "plans"] });
      onDone?.();
    },
    // What was refused was done with a goal that stands otherwise by now.
    onError: () => void client.invalidateQueries({ queryKey: goalKey(id) }),
  });
}

export function useDeleteGoal(id: string, onDone: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => send(`/goals/${id}`, { method: "DELETE" }),
    onSuccess: () => {
      onDone();
      void client.invalidateQueries({ queryKey: GOALS_KEY });
    },
  });
}

export function useCreateGoal(onCreated: (goal: Goal) => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (request: CreateGoal) => sendJson<Goal>("POST", "/goals", request),
    onSuccess: (goal) => {
      showGoal(client, goal);
      void client.invalidateQueries({ queryKey: GOALS_KEY });
      onCreated(goal);
    },
    // One that was there a while ago is gone.
    onError: (error) => {
      if (asProblem(error).code === NO_MODEL) client.setQueryData<boolean>(MODEL_KEY, false);
    },
  });
}

export function usePlanVersions(id: string, enabled: boolean) {
  return useQuery({
    queryKey: [...goalKey(id), "plans"],
    queryFn: async ({ signal }) => (await getJson<{ items: PlanVersion[] }>(`/goals/${id}/plans`, undefined, signal)).items,
    enabled,
  });
}

/** Whether a language model is set up that could write a plan; undefined while that is not known. */
export function useHasModel(): boolean | undefined {
  const query = useQuery({
    queryKey: MODEL_KEY,
    queryFn: async ({ signal }) => {
      const response = await send("/v1/models", { base: "", signal });
      return ((await response.json()) as { data: { id: string }[] }).data.some(({ id }) => id === ANY_MODEL);
    },
    staleTime: 60_000,
  });
  return query.data;
}

export interface PlanCheck {
  /** What the text comes to, or what it came to before a mistake. */
  steps: readonly PlanStep[];
  error: PlanError | null;
  /** That it could not be checked. */
  problem: Problem | null;
  /** The text as it stands has been looked at, and is a plan. */
  sound: boolean;
  pending: boolean;
  retry: () => void;
}

const NONE: readonly PlanStep[] = [];

/** What a text comes to as a plan, looked at whenever the typing pauses. */
export function usePlanCheck(text: string): PlanCheck {
  const settled = useDebounced(text, CHECK_MS);
  const blank = settled.trim() === "";
  const query = useQuery({
    queryKey: ["goals-check", settled],
    queryFn: async () => (await sendJson<{ steps: PlanStep[] }>("POST", "/goals/plans/check", { plan: settled })).steps,
    enabled: !blank,
    staleTime: Infinity,
  });
  const [last, setLast] = useState(NONE);
  if (query.data !== undefined && query.data !== last) setLast(query.data);
  const problem = query.error === null ? null : asProblem(query.error);
  const said = problem?.field("plan");
  return {
    steps: blank ? NONE : (query.data ?? last),
    error: said === undefined ? null : planError(said, settled),
    problem: said === undefined ? problem : null,
    sound: !blank && query.isSuccess && settled === text,
    pending: settled !== text || (!blank && query.isPending),
    retry: () => void query.refetch(),
  };
}
