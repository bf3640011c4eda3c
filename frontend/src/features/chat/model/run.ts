import type { AnswerCheck, AnsweringAgent } from "@/api/agent-types";
import type { Place, Route } from "@/api/gateway-types";
import type { Citation, Message, Tier } from "@/api/types";
import { askedOf, type PersonQuestion } from "./asked";
import { debateOf, findingsOf, heard, type Debate } from "./debate";
import type { AgUiEvent } from "./events";
import { understoodOf, type Understood } from "./understood";
import { countedOf } from "./counted";

export interface FoundPassage {
  document_name: string;
  page: number | null;
  heading_path: string[];
  score: number | null;
}

const OUTCOMES = ["nothing", "malformed", "too_many", "refused", "failed", "late"] as const;
export type ToolOutcome = (typeof OUTCOMES)[number];

/** A call that a draft asked for. */
export interface ToolCall {
  id: string | null;
  tool: string;
  /** What was looked for, or where. */
  subject: string | null;
  /** What came of it, where that is not passages. */
  outcome: ToolOutcome | null;
  passages: FoundPassage[];
  /** What was computed, as an equation that can be done again; null where nothing was. */
  equation: string | null;
  /** What another system said; null where none was asked. */
  said: string | null;
}

/** One step of a run, as the reader may see it. */
export interface Step {
  kind: "observe" | "deliberate" | "think" | "tool" | "person" | "verify";
  attempt: number;
  done: boolean;
  durationMs: number | null;
  startedAt: number | null;
  query: string | null;
  /** What was understood of the question beyond its words. */
  understood: Understood | null;
  passages: FoundPassage[] | null;
  /** Ids of what the person had remembered and this was given. */
  remembered: string[];
  /** Of a step that read on: its calls in their order. */
  calls: ToolCall[];
  /** The way to the model that wrote, where one did. */
  route: Route | null;
  tokens: { input: number; output: number } | null;
  /** Of a turn in which voices thought the question through. */
  debate: Debate | null;
  /** Of VERIFY: what the agent asks of the answer. */
  checks: AnswerCheck[];
  /** Its process ended in the middle of it, and another went on. */
  interrupted: boolean;
  /** What the person was asked in it. */
  asked: PersonQuestion | null;
}

export type NewStep = Pick<Step, "kind" | "attempt" | "done" | "durationMs" | "startedAt">;

/** A step of which nothing was found yet. */
export function blankStep(step: NewStep): Step {
  return { ...step, query: null, understood: null, passages: null, remembered: [], calls: [], route: null, tokens: null, debate: null, checks: [], interrupted: false, asked: null };
}

/** What is known of a run from its events so far. */
export interface RunView {
  runId: string | null;
  conversationId: string | null;
  title: string | null;
  userMessageId: string | null;
  messageId: string | null;
  model: string | null;
  tier: Tier | null;
  text: string;
  citations: Citation[];
  steps: Step[];
  /** Its place in the line before a model; null while it does not wait. */
  queue: Place | null;
  /** What it waits to be told; null while it does not wait for the person. */
  waiting: PersonQuestion | null;
  /** Which agent answers, and why that one. */
  agent: AnsweringAgent | null;
  /** The question looked like an attempt to take the assistant over. */
  injectionSuspected: boolean;
  /** The final form of the answer, once the server has sent it. */
  final: Message | null;
  end: "finished" | "failed" | "cancelled" | null;
  error: { code: string; detail: string } | null;
}

export const EMPTY_RUN: RunView = {
  runId: null,
  conversationId: null,
  title: null,
  userMessageId: null,
  messageId: null,
  model: null,
  tier: null,
  text: "",
  citations: [],
  steps: [],
  queue: null,
  waiting: null,
  agent: null,
  injectionSuspected: false,
  final: null,
  end: null,
  error: null,
};

/** The state after an event. Pure, so a replayed stream gives the same state. */
export function applyEvent(run: RunView, event: AgUiEvent): RunView {
  switch (event.type) {
    case "RUN_STARTED":
      return { ...run, runId: event.runId, conversationId: event.threadId };
    case "STATE_SNAPSHOT":
      return applySnapshot(run, event.snapshot);
    case "STATE_DELTA":
      return event.delta.reduce<RunView>(applyPatch, run);
    case "STEP_STARTED":
      return startStep(run, event.stepName, event.timestamp ?? null);
    case "STEP_FINISHED":
      return withLastStep(run, event.stepName, (step) => ({
        ...step,
        done: true,
        durationMs: step.startedAt === null || event.timestamp === undefined ? null : event.timestamp - step.startedAt,
      }));
    case "TOOL_CALL_START":
      return withLastStep(run, "tool", (step) => ({ ...step, calls: [...step.calls, callOf({ tool: event.toolCallName }, event.toolCallId)] }));
    case "TOOL_CALL_ARGS":
      return run.steps.at(-1)?.kind === "tool"
        ? withCall(run, event.toolCallId, (call) => ({ ...call, subject: subjectOf(parse(event.delta)) }))
        : withLastStep(run, "observe", (step) => ({ ...step, query: queryOf(event.delta) ?? step.query }));
    case "TOOL_CALL_RESULT": {
      const result = parse(typeof event.content === "string" ? event.content : "");
      return run.steps.at(-1)?.kind === "tool" ? withCall(run, event.toolCallId, () => callOf(result ?? {}, event.toolCallId)) : withLastStep(run, "observe", (step) => withResult(step, result));
    }
    case "TEXT_MESSAGE_CONTENT":
      return { ...run, text: run.text + event.delta };
    case "RUN_FINISHED":
      return { ...run, waiting: null, end: "finished" };
    case "RUN_ERROR":
      return event.code === "cancelled"
        ? { ...run, waiting: null, end: "cancelled" }
        : { ...run, waiting: null, end: "failed", error: { code: event.code ?? "internal", detail: event.message } };
    default:
      return run;
  }
}

interface Snapshot {
  title?: string;
  user_message_id?: string;
  assistant_message_id?: string;
  citations?: Citation[];
  model?: string | null;
  tier?: Tier | null;
  injection_suspected?: boolean;
  agent?: AnsweringAgent | null;
}

function applySnapshot(run: RunView, value: unknown): RunView {
  if (typeof value !== "object" || value === null) return run;
  const snapshot = value as Snapshot;
  return {
    ...run,
    title: snapshot.title ?? run.title,
    userMessageId: snapshot.user_message_id ?? run.userMessageId,
    messageId: snapshot.assistant_message_id ?? run.messageId,
    citations: snapshot.citations ?? run.citations,
    model: snapshot.model ?? run.model,
    tier: snapshot.tier ?? run.tier,
    agent: snapshot.agent ?? run.agent,
    injectionSuspected: snapshot.injection_suspected ?? run.injectionSuspected,
  };
}

function applyPatch(run: RunView, operation: { op: string; path: string; value?: unknown }): RunView {
  if (operation.op !== "add" && operation.op !== "replace") return run;
  if (operation.path === "/citations/-") return { ...run, citations: [...run.citations, operation.value as Citation] };
  if (operation.path === "/message") return { ...run, final: operation.value as Message };
  if (operation.path === "/queue") return { ...run, queue: placeOf(operation.value) };
  if (operation.path === "/waiting") return { ...withLastStep(run, "person", (step) => ({ ...step, asked: askedOf(operation.value) ?? step.asked })), waiting: askedOf(operation.value) };
  if (operation.path === "/heard") return withLastStep(run, "person", (step) => ({ ...step, asked: askedOf(operation.value) ?? step.asked }));
  if (operation.path === "/route") return withRoute(run, operation.value);
  if (operation.path === "/checks") return withLastStep(run, "verify", (step) => ({ ...step, checks: checksOf(operation.value) }));
  if (operation.path.startsWith(TURNS)) return withDebate(run, operation.path.slice(TURNS.length), operation.value);
  if (operation.path === "/title") return { ...run, title: String(operation.value) };
  return run;
}

const TURNS = "/deliberation/turns/";

/** A turn begins, or a voice in it was heard. */
function withDebate(run: RunView, place: string, value: unknown): RunView {
  if (place.endsWith("/said/-")) return withLastStep(run, "deliberate", (step) => (step.debate === null ? step : { ...step, debate: heard(step.debate, value) }));
  if (place.endsWith("/findings")) return withLastStep(run, "deliberate", (step) => (step.debate === null ? step : { ...step, debate: { ...step.debate, findings: findingsOf(value) } }));
  const debate = debateOf(value);
  if (debate === null) return run;
  // Its process ended in the middle of it, and another does it again.
  const before = run.steps.map((step) => (step.kind === "deliberate" && step.debate?.turn === debate.turn ? { ...step, interrupted: true } : step));
  return withLastStep({ ...run, steps: before }, "deliberate", (step) => ({ ...step, interrupted: false, debate }));
}

/** What an agent asks of an answer, as it travels. */
export function checksOf(value: unknown): AnswerCheck[] {
  return Array.isArray(value) ? (value as AnswerCheck[]) : [];
}

function placeOf(value: unknown): Place | null {
  const place = value as Partial<Place> | null;
  return typeof place?.position === "number" && typeof place.estimate_ms === "number" ? { position: place.position, estimate_ms: place.estimate_ms } : null;
}

/** A route as it travels; null for what is none. */
export function routeOf(value: unknown): Route | null {
  const route = value as Partial<Route> | null | undefined;
  return typeof route?.model === "string" && typeof route.endpoint === "string" && Array.isArray(route.candidates) && Array.isArray(route.failed) ? (route as Route) : null;
}

function withRoute(run: RunView, value: unknown): RunView {
  const route = routeOf(value);
  if (route === null) return run;
  return withLastStep({ ...run, queue: null, model: route.model, tier: route.tier }, "think", (step) => ({ ...step, route }));
}

/** A call as the step of a stored run or the result in its events has it. */
export function callOf(value: Record<string, unknown>, id: string | null = null): ToolCall {
  const { tool, outcome, passages, result } = value;
  return {
    id,
    tool: typeof tool === "string" ? tool : "unknown_tool",
    subject: subjectOf(value["arguments"]),
    outcome: OUTCOMES.find((known) => known === outcome) ?? (typeof outcome === "string" && outcome !== "done" ? "failed" : null),
    passages: Array.isArray(passages) ? (passages as FoundPassage[]) : [],
    equation: equationOf(result),
    said: saidOf(result),
  };
}

function saidOf(value: unknown): string | null {
  const text = (value as { text?: unknown } | null | undefined)?.text;
  return typeof text === "string" && text !== "" ? text : null;
}

function equationOf(value: unknown): string | null {
  const result = value as { expression?: unknown; shown?: unknown; exact?: unknown } | null | undefined;
  if (typeof result?.expression !== "string" || typeof result.shown !== "string") return null;
  return `${result.expression} ${result.exact === true ? "=" : "≈"} ${result.shown}`;
}

function subjectOf(value: unknown): string | null {
  const words = value as { query?: unknown; text?: unknown; expression?: unknown; date?: unknown; question?: unknown; page?: unknown } | null | undefined;
  for (const text of [words?.query, words?.text, words?.expression, words?.date, words?.question]) {
    if (typeof text === "string") return text;
  }
  return typeof words?.page === "number" ? String(words.page) : countedOf(value);
}

function withCall(run: RunView, id: string, change: (call: ToolCall) => ToolCall): RunView {
  return withLastStep(run, "tool", (step) => ({ ...step, calls: step.calls.map((call) => (call.id === id ? change(call) : call)) }));
}

function isStepKind(name: string): name is Step["kind"] {
  return name === "observe" || name === "deliberate" || name === "think" || name === "tool" || name === "person" || name === "verify";
}

function startStep(run: RunView, name: string, startedAt: number | null): RunView {
  if (!isStepKind(name)) return run;
  const before = run.steps.filter((step) => step.kind === name);
  // Its process ended in the middle of it, and another does it again.
  const again = name !== "deliberate" && run.steps.at(-1)?.kind === name;
  // A draft that stopped to read on, or to have others look at it, goes on.
  const last = run.steps.at(-1)?.kind;
  const goesOn = again || (name === "think" && before.length > 0 && (last === "tool" || last === "person" || last === "deliberate"));
  const attempt = (before.at(-1)?.attempt ?? 0) + (goesOn ? 0 : 1);
  const steps = again ? withLastStep(run, name, (step) => ({ ...step, interrupted: true })).steps : run.steps;
  return { ...run, queue: null, waiting: null, steps: [...steps, blankStep({ kind: name, attempt, done: false, durationMs: null, startedAt })] };
}

function withLastStep(run: RunView, name: string, change: (step: Step) => Step): RunView {
  const index = run.steps.findLastIndex((step) => step.kind === name);
  if (index === -1) return run;
  return { ...run, steps: run.steps.map((step, at) => (at === index ? change(step) : step)) };
}

function queryOf(text: string): string | null {
  const value = parse(text);
  return typeof value?.["query"] === "string" ? value["query"] : null;
}

function withResult(step: Step, result: Record<string, unknown> | null): Step {
  const passages = result?.["passages"];
  return {
    ...step,
    understood: understoodOf(result),
    passages: Array.isArray(passages) ? (passages as FoundPassage[]) : step.passages,
    remembered: rememberedOf(result?.["remembered"]),
  };
}

/** The ids of memories, from a stored step or from the result of the search. */
export function rememberedOf(value: unknown): string[] {
  return Array.isArray(value) ? value.flatMap((memory: { id?: unknown } | null) => (typeof memory?.id === "string" ? [memory.id] : [])) : [];
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
