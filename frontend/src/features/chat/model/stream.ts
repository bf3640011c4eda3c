import { send } from "@/api/client";
import { reportDown } from "@/api/connection";
import { Problem, UNREACHABLE, isAbort } from "@/api/problem";
import { readFrames } from "@/api/sse";
import type { ChatRequest } from "@/api/types";
import { eventFromFrame, type AgUiEvent } from "./events";

export interface StreamHandlers {
  onEvent: (event: AgUiEvent) => void;
  /** The connection broke and is being made again, or is back. */
  onConnection: (state: "live" | "reconnecting") => void;
}

const RETRY_MS = [300, 600, 1200, 2500, 5000] as const;
const EVENT_STREAM = { accept: "text/event-stream" };

/** Follows a run to its end. `open` starts it (or joins it); if the connection breaks on the way, the stream is taken up again
 *  after the last event seen. The run itself goes on at the server meanwhile, and ends only when it is done or stopped. */
export async function followRun(open: () => Promise<Response>, known: string | null, handlers: StreamHandlers, signal: AbortSignal): Promise<void> {
  let runId = known;
  let lastId: string | null = null;
  let failures = 0;
  let next = open;
  for (;;) {
    try {
      const response = await next();
      if (failures > 0) handlers.onConnection("live");
      for await (const frame of readFrames(response)) {
        if (signal.aborted) return;
        const event = eventFromFrame(frame);
        if (frame.id !== null) lastId = frame.id;
        if (event === null) continue;
        failures = 0;
        if (event.type === "RUN_STARTED") runId = event.runId;
        handlers.onEvent(event);
        if (event.type === "RUN_FINISHED" || event.type === "RUN_ERROR") return;
      }
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      // A refusal is final; so is a failure before the server named the run, because asking again could ask twice.
      if (error instanceof Problem && error.code !== UNREACHABLE && error.status < 500) throw error;
      if (runId === null) throw error instanceof Problem ? error : new Problem({ code: UNREACHABLE });
      reportDown();
    }
    const resumable = runId;
    if (resumable === null) throw new Problem({ code: UNREACHABLE });
    handlers.onConnection("reconnecting");
    await pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 5000, signal);
    if (signal.aborted) return;
    failures += 1;
    next = () => openRun(resumable, lastId, signal);
  }
}

export function openRun(runId: string, after: string | null, signal: AbortSignal): Promise<Response> {
  return send(`/runs/${runId}/events`, {
    headers: { ...EVENT_STREAM, ...(after === null ? {} : { "last-event-id": after }) },
    signal,
  });
}

export function startRun(request: ChatRequest, signal: AbortSignal): Promise<Response> {
  return send("/chat", { method: "POST", body: { ...request, stream: true }, headers: EVENT_STREAM, signal });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
