import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { send } from "@/api/client";
import type { Goal } from "@/api/goal-types";
import { Problem, isAbort } from "@/api/problem";
import { readFrames } from "@/api/sse";
import { GOALS_KEY, goalKey, hasEnded, showGoal } from "./queries";

const RETRY_MS = [300, 1000, 2500, 5000] as const;
/** A stream that was open for so long was a good one: after it the next attempt comes soon again. */
const LIVED_MS = 5000;
const TOO_MANY = 429;

/** Follows a goal live until it has ended. True while the connection is broken and being made again. */
export function useGoalEvents(id: string, enabled: boolean): boolean {
  const client = useQueryClient();
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    if (!enabled) return;
    const abort = new AbortController();
    void followGoal(id, client, abort.signal, setBroken);
    return () => {
      abort.abort();
      setBroken(false);
    };
  }, [id, enabled, client]);
  return broken;
}

/** Whether asking again would come to the same. */
export function isFinal(error: unknown): boolean {
  return error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== TOO_MANY;
}

export async function followGoal(id: string, client: QueryClient, signal: AbortSignal, onBroken: (broken: boolean) => void): Promise<void> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    let openSince = Infinity;
    try {
      const response = await send(`/goals/${id}/events`, { headers: { accept: "text/event-stream" }, signal });
      openSince = Date.now();
      for await (const frame of readFrames(response)) {
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- changes while the frame is awaited
        if (signal.aborted) return;
        if (frame.event !== "goal") continue;
        onBroken(false);
        const goal = JSON.parse(frame.data) as Goal;
        showGoal(client, goal);
        if (hasEnded(goal.status)) {
          void client.invalidateQueries({ queryKey: GOALS_KEY });
          return;
        }
      }
    } catch (error) {
      if (isAbort(error)) return;
      if (isFinal(error)) {
        onBroken(false);
        void client.invalidateQueries({ queryKey: goalKey(id) });
        return;
      }
    }
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- changes while the stream is awaited
    if (signal.aborted) return;
    onBroken(true);
    if (Date.now() - openSince >= LIVED_MS) failures = 0;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]));
  }
}
