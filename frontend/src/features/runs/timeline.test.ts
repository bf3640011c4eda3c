import { expect, test } from "vitest";
import type { Run } from "@/api/types";
import { timelineOf } from "./timeline";

const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
const step = (number: number, kind: string, from: number, to: number | null) => ({ number, kind, attempt: 1, status: to === null ? "running" : "finished", detail: {}, started_at: at(from), finished_at: to === null ? null : at(to), duration_ms: null });

test("each step has its place in the time of the run, and what was called and decided in it", () => {
  const run = { created_at: at(0), finished_at: at(1000), steps: [step(1, "observe", 0, 200), step(2, "think", 200, 900), step(3, "verify", 900, 1000)] } as unknown as Run;
  const call = (ms: number) => ({ ended_at: at(ms), model: "m", input_tokens: 100, output_tokens: 20, cost_micros: 7 });
  const decision = { id: "dec_1", decided_at: at(50), action: "document.search", verdict: "ALLOW", policies: [] };
  const rows = timelineOf(run, { currency: "EUR", calls: [call(500), call(950)], decisions: [decision] }, 0);
  expect(rows.map(({ from, length }) => [from, length])).toEqual([[0, 0.2], [0.2, 0.7], [0.9, 0.1]]);
  expect(rows.map(({ tokens, costMicros, decisions }) => [tokens, costMicros, decisions.length])).toEqual([[0, 0, 1], [120, 7, 0], [120, 7, 0]]);
});

test("a step that goes on reaches up to now", () => {
  const run = { created_at: at(0), finished_at: null, steps: [step(1, "observe", 0, 100), step(2, "person", 100, null)] } as unknown as Run;
  const rows = timelineOf(run, undefined, Date.UTC(2026, 0, 1) + 400);
  expect(rows.map(({ from, length }) => [from, length])).toEqual([[0, 0.25], [0.25, 0.75]]);
});
