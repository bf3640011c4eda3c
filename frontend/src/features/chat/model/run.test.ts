import { describe, expect, it } from "vitest";
import type { Citation, Message, Run } from "@/api/types";
import type { AgUiEvent } from "./events";
import { EMPTY_RUN, applyEvent, callOf, type RunView } from "./run";
import { stepsOfRun } from "./run-steps";
import { emptyState, threadItems, withLive, type ConversationState } from "./state";

const citation = { number: 1, chunk_id: "chk_1", document_name: "Pump manual" } as Citation;

const STREAM = [
  { type: "RUN_STARTED", threadId: "cnv_1", runId: "run_1", timestamp: 1000 },
  { type: "STATE_SNAPSHOT", snapshot: { conversation_id: "cnv_1", title: "Torque", user_message_id: "msg_q", assistant_message_id: "msg_a", citations: [], model: "extractive", tier: "LIGHT" } },
  { type: "STEP_STARTED", stepName: "observe", timestamp: 1000 },
  { type: "TOOL_CALL_START", toolCallId: "t1", toolCallName: "search_documents" },
  { type: "TOOL_CALL_ARGS", toolCallId: "t1", delta: '{"query":"torque of gland nuts"}' },
  { type: "TOOL_CALL_END", toolCallId: "t1" },
  { type: "TOOL_CALL_RESULT", messageId: "msg_t", toolCallId: "t1", role: "tool", content: '{"passages":[{"document_name":"Pump manual","page":4,"heading_path":[],"score":1}],"took_ms":5}' },
  { type: "STEP_FINISHED", stepName: "observe", timestamp: 1040 },
  { type: "STEP_STARTED", stepName: "think", timestamp: 1040 },
  { type: "TEXT_MESSAGE_START", messageId: "msg_a", role: "assistant" },
  { type: "STATE_DELTA", delta: [{ op: "add", path: "/citations/-", value: citation }] },
  { type: "TEXT_MESSAGE_CONTENT", messageId: "msg_a", delta: "25 Nm " },
  { type: "TEXT_MESSAGE_CONTENT", messageId: "msg_a", delta: "[1]." },
  { type: "TEXT_MESSAGE_END", messageId: "msg_a" },
  { type: "STEP_FINISHED", stepName: "think", timestamp: 1100 },
  { type: "STEP_STARTED", stepName: "verify", timestamp: 1100 },
  { type: "STEP_FINISHED", stepName: "verify", timestamp: 1110 },
] as AgUiEvent[];

function play(events: AgUiEvent[], from: RunView = EMPTY_RUN): RunView {
  return events.reduce(applyEvent, from);
}

function sent(text: string): ConversationState {
  return { ...emptyState(null), pending: { key: "p1", text, parentId: null, asOf: null }, phase: "sending", live: EMPTY_RUN };
}

describe("applyEvent", () => {
  it("gathers text, citations and steps", () => {
    const run = play(STREAM);
    expect(run).toMatchObject({ runId: "run_1", conversationId: "cnv_1", messageId: "msg_a", text: "25 Nm [1].", citations: [citation], end: null });
    expect(run.steps.map((step) => [step.kind, step.done, step.durationMs])).toEqual([
      ["observe", true, 40],
      ["think", true, 60],
      ["verify", true, 10],
    ]);
    expect(run.steps[0]).toMatchObject({ query: "torque of gland nuts", passages: [{ page: 4 }] });
  });

  it("counts repeated steps as attempts", () => {
    const again = [{ type: "STEP_STARTED", stepName: "think" }, { type: "STEP_STARTED", stepName: "observe" }] as AgUiEvent[];
    expect(play([...STREAM, ...again]).steps.map((step) => step.attempt)).toEqual([1, 1, 1, 2, 2]);
  });

  it("shows what a draft read on, as a stored run shows it", () => {
    const passages = [{ document_name: "Data", page: null, heading_path: ["ZX-77"], score: 0 }];
    const result = { tool: "find_in_document", arguments: { passage: 1, text: "ZX-77" }, outcome: "done", passages };
    const reading = [
      { type: "STEP_STARTED", stepName: "tool" },
      { type: "TOOL_CALL_START", toolCallId: "t2", toolCallName: "find_in_document" },
      { type: "TOOL_CALL_ARGS", toolCallId: "t2", delta: JSON.stringify(result.arguments) },
      { type: "TOOL_CALL_RESULT", toolCallId: "t2", role: "tool", content: JSON.stringify(result) },
      { type: "STEP_FINISHED", stepName: "tool" },
      { type: "STEP_STARTED", stepName: "think" },
    ] as AgUiEvent[];
    const run = play([...STREAM.slice(0, 9), ...reading]);
    expect(run.steps.map((step) => [step.kind, step.attempt])).toEqual([["observe", 1], ["think", 1], ["tool", 1], ["think", 1]]);
    const call = { tool: "find_in_document", subject: "ZX-77", outcome: null, passages, equation: null, said: null };
    expect(run.steps[2]?.calls).toEqual([{ ...call, id: "t2" }]);
    expect(run.steps[0]?.passages?.[0]?.document_name).toBe("Pump manual");
    const stored = stepsOfRun({ steps: [{ number: 3, kind: "tool", attempt: 1, status: "finished", detail: { calls: [result] }, started_at: "2026-01-01T00:00:00Z", finished_at: null, duration_ms: null }] } as unknown as Run);
    expect(stored[0]?.calls).toEqual([{ ...call, id: null }]);
  });

  it("shows turns of voices as they speak, and a turn that is had again in the place of the first", () => {
    const title = { en: "Safety", de: "Sicherheit" };
    const begun = (turn: number) => ({ op: "add", path: `/deliberation/turns/${turn}`, value: { thinking: "council", turn, of: 3, asked: [{ who: "safety", title }], said: [] } });
    const source = { number: 1, document_name: "Manual", page: 4, heading_path: [], score: 1 };
    const said = { who: "safety", title, model: "m", points: [{ says: "Lock it out.", passages: [1], supported: true }], sources: [source] };
    const turn = (number: number, more: object[]) => [{ type: "STEP_STARTED", stepName: "deliberate" }, { type: "STATE_DELTA", delta: [begun(number), ...more] }, { type: "STEP_FINISHED", stepName: "deliberate" }];
    const heard = { op: "add", path: "/deliberation/turns/1/said/-", value: said };
    const events = [...turn(1, [heard]), ...turn(1, [heard]), ...turn(2, [])] as AgUiEvent[];
    const { steps } = play([...STREAM.slice(0, 8), ...events]);
    expect(steps.map((step) => [step.kind, step.interrupted, step.debate?.turn])).toEqual([
      ["observe", false, undefined],
      ["deliberate", true, 1],
      ["deliberate", false, 1],
      ["deliberate", false, 2],
    ]);
    expect(steps[2]?.debate).toMatchObject({ said: [{ who: "safety", failed: null, points: [{ supported: true, wrong: null, weight: null, kind: null }] }], sources: [source] });
    const stored = { number: 2, kind: "deliberate", attempt: 1, status: "finished", detail: { thinking: "council", turn: 1, of: 3, said: [said], sources: [source], findings: [] }, started_at: "2026-01-01T00:00:00Z", finished_at: null, duration_ms: null };
    expect(stepsOfRun({ steps: [stored] } as unknown as Run)[0]?.debate).toEqual(steps[2]?.debate);
  });

  it("shows what another system said", () => {
    expect(callOf({ tool: "mcp:mes/status", outcome: "done", result: { text: "state: running" } })).toMatchObject({ tool: "mcp:mes/status", outcome: null, said: "state: running" });
    expect(callOf({ tool: "mcp:mes/status", outcome: "late", result: null })).toMatchObject({ outcome: "late", said: null });
  });

  it("shows what was computed as an equation", () => {
    const result = { expression: "1.5 bar", shown: "21.76 psi", value: "21.7556606595", unit: "psi", exact: false, note: null };
    const computing = [
      { type: "STEP_STARTED", stepName: "tool" },
      { type: "TOOL_CALL_START", toolCallId: "t3", toolCallName: "calculate" },
      { type: "TOOL_CALL_ARGS", toolCallId: "t3", delta: JSON.stringify({ expression: "1,5 bar to psi" }) },
    ] as AgUiEvent[];
    const done = [{ type: "TOOL_CALL_RESULT", toolCallId: "t3", role: "tool", content: JSON.stringify({ tool: "calculate", arguments: { expression: "1,5 bar to psi" }, outcome: "done", passages: [], result }) }] as AgUiEvent[];
    const run = play([...STREAM.slice(0, 9), ...computing]);
    const counted = callOf({ tool: "table", outcome: "done", passages: [], result: { text: "Line | sum of Stop\n3 | 45 h" }, arguments: { passage: 1, where: [{ column: "Line", op: "=", value: "3" }], aggregates: [{ fn: "sum", column: "Stop" }, { fn: "count" }] } });
    expect(counted).toMatchObject({ tool: "table", subject: "sum: Stop · count · Line = 3", said: "Line | sum of Stop\n3 | 45 h", outcome: null });
    expect(run.steps[2]?.calls[0]).toMatchObject({ tool: "calculate", subject: "1,5 bar to psi", equation: null });
    expect(play(done, run).steps[2]?.calls[0]).toMatchObject({ outcome: null, equation: "1.5 bar ≈ 21.76 psi" });
    const exact = { tool: "date", arguments: { date: "today" }, result: { expression: "2026-11-30 + 6 months", shown: "2027-05-30 (Sun)", exact: true } };
    expect(callOf(exact)).toMatchObject({ subject: "today", equation: "2026-11-30 + 6 months = 2027-05-30 (Sun)" });
  });

  it("tells a stop from a failure", () => {
    expect(play([...STREAM, { type: "RUN_ERROR", message: "stopped", code: "cancelled" }])).toMatchObject({ end: "cancelled", error: null });
    expect(play([...STREAM, { type: "RUN_ERROR", message: "died", code: "upstream_unavailable" }])).toMatchObject({
      end: "failed",
      error: { code: "upstream_unavailable", detail: "died" },
    });
  });

  it("notes that a question looked like an injection", () => {
    expect(play(STREAM).injectionSuspected).toBe(false);
    expect(play([{ type: "STATE_SNAPSHOT", snapshot: { injection_suspected: true } }]).injectionSuspected).toBe(true);
  });

  it("tells the place in the line until the model answers, and keeps the way that was taken", () => {
    const route = { reason: "complexity", tier: "HEAVY", candidates: [], model: "big", endpoint: "gpu-2", failed: [{ model: "big", endpoint: "gpu-1", reason: "busy" }] };
    const waiting = play([...STREAM.slice(0, 9), { type: "STATE_DELTA", delta: [{ op: "add", path: "/queue", value: { position: 3, estimate_ms: 12000 } }] }] as AgUiEvent[]);
    expect(waiting.queue).toEqual({ position: 3, estimate_ms: 12000 });
    const turn = play([{ type: "STATE_DELTA", delta: [{ op: "add", path: "/queue", value: null }] }], waiting);
    expect(turn.queue).toBeNull();
    const answering = play([{ type: "STATE_DELTA", delta: [{ op: "add", path: "/route", value: route }] }], waiting);
    expect(answering).toMatchObject({ queue: null, model: "big", tier: "HEAVY" });
    expect(answering.steps.map((step) => step.route?.endpoint)).toEqual([undefined, "gpu-2"]);
  });

  it("shows nothing of a route that is none", () => {
    const broken = play([...STREAM.slice(0, 9), { type: "STATE_DELTA", delta: [{ op: "add", path: "/route", value: "gpu-2" }, { op: "add", path: "/queue", value: { position: "first" } }] }] as AgUiEvent[]);
    expect(broken.steps.at(-1)?.route).toBeNull();
    expect(broken.queue).toBeNull();
  });

  it("ignores events it does not know", () => {
    expect(play([{ type: "CUSTOM", name: "x", value: 1 }])).toEqual(EMPTY_RUN);
  });
});

describe("a conversation while it streams", () => {
  it("shows the question at once and keeps its key when it gets an id", () => {
    const before = sent("How tight?");
    const after = withLive(before, play(STREAM.slice(0, 2)));
    expect(threadItems(before).map((item) => item.key)).toEqual(["p1q", "p1a"]);
    expect(threadItems(after).map((item) => item.key)).toEqual(["p1q", "p1a"]);
    expect(after).toMatchObject({ id: "cnv_1", title: "Torque", pending: null });
  });

  it("does not touch the messages while text arrives", () => {
    const first = withLive(sent("How tight?"), play(STREAM.slice(0, 2)));
    const later = withLive(first, play(STREAM));
    expect(later.messages).toBe(first.messages);
    expect(later.live?.text).toBe("25 Nm [1].");
  });

  it("ends with the server's form of the answer", () => {
    const final = { id: "msg_a", parent_id: "msg_q", role: "assistant", content: "final", status: "complete", answered: true } as Message;
    const end = [{ type: "STATE_DELTA", delta: [{ op: "add", path: "/message", value: final }] }, { type: "RUN_FINISHED", threadId: "cnv_1", runId: "run_1" }] as AgUiEvent[];
    const state = withLive(withLive(sent("How tight?"), play(STREAM)), play([...STREAM, ...end]));
    expect(state).toMatchObject({ live: null, phase: "idle" });
    expect(state.messages.get("msg_a")).toBe(final);
    expect(state.runs.get("msg_a")?.steps).toHaveLength(3);
  });

  it("keeps the partial text of a run that failed", () => {
    const failed = play([...STREAM, { type: "RUN_ERROR", message: "died", code: "upstream_unavailable" }]);
    expect(withLive(sent("How tight?"), failed).messages.get("msg_a")).toMatchObject({ status: "failed", content: "25 Nm [1].", error: { code: "upstream_unavailable" } });
  });

  it("keeps the day that is asked about on question and answer, also of a run that failed", () => {
    const asked = { ...sent("How tight?"), pending: { key: "p1", text: "How tight?", parentId: null, asOf: "2024-03-02T00:00:00Z" } };
    const failed = withLive(asked, play([...STREAM, { type: "RUN_ERROR", message: "died", code: "upstream_unavailable" }]));
    expect(["msg_q", "msg_a"].map((id) => failed.messages.get(id)?.as_of)).toEqual(["2024-03-02T00:00:00Z", "2024-03-02T00:00:00Z"]);
  });

  it("puts an edited question beside the old one", () => {
    const old = withLive(sent("How tight?"), play([...STREAM, { type: "RUN_FINISHED", threadId: "cnv_1", runId: "run_1" }]));
    const editing: ConversationState = { ...old, pending: { key: "p2", text: "How loose?", parentId: null, asOf: null }, phase: "sending" };
    expect(threadItems(editing).map((item) => item.key)).toEqual(["p2q", "p2a"]);
    const run = { ...EMPTY_RUN, runId: "run_2", userMessageId: "msg_q2", messageId: "msg_a2" };
    const items = threadItems(withLive(editing, run));
    expect(items.map((item) => (item.kind === "message" ? [item.message.id, item.index, item.siblings.length] : item.kind))).toEqual([
      ["msg_q2", 1, 2],
      ["msg_a2", 0, 1],
    ]);
  });
});
