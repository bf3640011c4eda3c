import type { Problem } from "@/api/problem";
import type { Conversation, Message } from "@/api/types";
import { type RunView } from "./run";
import { choose, shownPath, type Choices, type Messages, type PathItem } from "./tree";

/** What was sent and not yet confirmed by the server. */
export interface Pending {
  key: string;
  /** Null when an answer is asked for again. */
  text: string | null;
  parentId: string | null;
  /** The moment that is asked about; null for the present. */
  asOf: string | null;
}

export type Phase = "idle" | "sending" | "streaming" | "reconnecting" | "stopping";

export interface ConversationState {
  id: string | null;
  title: string;
  load: "loading" | "ready" | "failed";
  messages: Messages;
  choices: Choices;
  pending: Pending | null;
  /** The run whose events arrive now. Apart from the messages, so that a frame of text touches one of them only. */
  live: RunView | null;
  /** Runs followed in this page, by the answer they made. */
  runs: ReadonlyMap<string, RunView>;
  phase: Phase;
  problem: Problem | null;
  /** A question that could not be sent, for the composer to take back. */
  unsent: string | null;
  /** React keys of messages that were shown before they had an id. */
  keys: ReadonlyMap<string, string>;
}

export function emptyState(id: string | null): ConversationState {
  return {
    id,
    title: "",
    load: id === null ? "ready" : "loading",
    messages: new Map(),
    choices: new Map(),
    pending: null,
    live: null,
    runs: new Map(),
    phase: "idle",
    problem: null,
    unsent: null,
    keys: new Map(),
  };
}

export function loaded(state: ConversationState, conversation: Conversation): ConversationState {
  return {
    ...state,
    id: conversation.id,
    title: conversation.title,
    load: "ready",
    problem: null,
    messages: new Map(conversation.messages.map((message) => [message.id, message])),
  };
}

/** The state with the live run's present form, and its messages put into the tree once they have ids. */
export function withLive(state: ConversationState, run: RunView): ConversationState {
  let next: ConversationState = { ...state, live: run, id: state.id ?? run.conversationId, title: run.title ?? state.title };
  if (run.messageId !== null && !(state.messages.has(run.messageId) && state.pending === null)) next = placeMessages(next, run, run.messageId);
  if (run.end !== null) next = finishRun(next, run);
  return next;
}

function placeMessages(state: ConversationState, run: RunView, answerId: string): ConversationState {
  const messages = new Map(state.messages);
  const keys = new Map(state.keys);
  const { pending } = state;
  const questionId = run.userMessageId;
  if (pending !== null && pending.text !== null && questionId !== null && !messages.has(questionId)) {
    messages.set(questionId, blankMessage({ id: questionId, parent_id: pending.parentId, role: "user", content: pending.text, status: "complete", as_of: pending.asOf }));
    keys.set(questionId, `${pending.key}q`);
  }
  if (!messages.has(answerId)) {
    const parent = questionId ?? pending?.parentId ?? null;
    messages.set(answerId, blankMessage({ id: answerId, parent_id: parent, role: "assistant", content: "", status: "streaming", run_id: run.runId, as_of: pending?.asOf ?? null }));
    if (pending !== null) keys.set(answerId, `${pending.key}a`);
  }
  return { ...state, messages, keys, pending: null, choices: choose(messages, state.choices, answerId) };
}

function finishRun(state: ConversationState, run: RunView): ConversationState {
  const messages = new Map(state.messages);
  const id = run.messageId;
  const before = id === null ? undefined : messages.get(id);
  if (id !== null && before !== undefined) messages.set(id, run.final ?? unfinished(before, run));
  const runs = id === null ? state.runs : new Map(state.runs).set(id, run);
  return { ...state, messages, runs, live: null, pending: null, phase: "idle" };
}

/** The run ended without the server's final form of the answer: what was shown stays, with the state it ended in. */
function unfinished(message: Message, run: RunView): Message {
  const status = run.end === "finished" ? "complete" : run.end === "cancelled" ? "stopped" : "failed";
  return { ...message, content: run.text, citations: run.citations, status, error: run.error, model: run.model, tier: run.tier, agent: run.agent };
}

function blankMessage(fields: Pick<Message, "id" | "parent_id" | "role" | "content" | "status"> & { run_id?: string | null; as_of: string | null }): Message {
  return {
    citations: [],
    run_id: null,
    model: null,
    tier: null,
    classification: null,
    export_control: [],
    integrity: null,
    groups: [],
    withheld: false,
    answered: null,
    error: null,
    duration_ms: null,
    agent: null,
    created_at: new Date().toISOString(),
    ...fields,
  };
}

/** One line of the thread. */
export type ThreadItem =
  | ({ kind: "message"; key: string } & PathItem)
  | { kind: "question"; key: string; text: string }
  | { kind: "answer"; key: string };

/** What the thread shows, in order: the chosen path, cut where something not yet confirmed continues it. */
export function threadItems(state: Pick<ConversationState, "messages" | "choices" | "pending" | "keys">): ThreadItem[] {
  const path = shownPath(state.messages, state.choices);
  const { pending } = state;
  const cut = pending === null ? path.length : path.findIndex((item) => item.message.id === pending.parentId) + 1;
  const items: ThreadItem[] = path
    .slice(0, cut)
    .map((item) => ({ kind: "message", key: state.keys.get(item.message.id) ?? item.message.id, ...item }));
  if (pending !== null) {
    if (pending.text !== null) items.push({ kind: "question", key: `${pending.key}q`, text: pending.text });
    items.push({ kind: "answer", key: `${pending.key}a` });
  }
  return items;
}
