import type { Event } from "@ag-ui/core";
import type { SseFrame } from "@/api/sse";

/** AG-UI events as they travel: the protocol's own types, with the enum of kinds as plain text. */
export type AgUiEvent = Event extends infer E ? (E extends { type: infer K extends string } ? Omit<E, "type"> & { type: `${K}` } : never) : never;

/** Reads a frame. Null for what is not an event: a later server may send more than this client knows. */
export function eventFromFrame(frame: SseFrame): AgUiEvent | null {
  try {
    const value: unknown = JSON.parse(frame.data);
    if (typeof value === "object" && value !== null && "type" in value && typeof value.type === "string") return value as AgUiEvent;
  } catch {
    // Half a frame never arrives here; a broken one is skipped rather than ending the answer.
  }
  return null;
}
