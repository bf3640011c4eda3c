import { getJson, send } from "@/api/client";
import { asProblem, isAbort, type Problem } from "@/api/problem";
import type { ChatRequest, Conversation, Message } from "@/api/types";
import { Store } from "@/lib/store";
import type { AgUiEvent } from "./events";
import { EMPTY_RUN, applyEvent, type RunView } from "./run";
import { emptyState, loaded, withLive, type ConversationState, type Pending } from "./state";
import { followRun, openRun, startRun } from "./stream";
import { choose, shownPath } from "./tree";

let modelCount = 0;
let pendingCount = 0;

/** One conversation: its messages, what is shown of them, and the run that may be writing to it. It lives outside React, so an
 *  answer goes on arriving while another page is open. */
export class ConversationModel {
  readonly store: Store<ConversationState>;
  /** Tells this model from every other one, also before the conversation has an id. */
  readonly key: number;
  /** Called when a run has ended, or a new conversation has got its id. */
  onChange: () => void = () => undefined;
  private run: RunView = EMPTY_RUN;
  private queue: AgUiEvent[] = [];
  private frame = 0;
  private abort = new AbortController();

  constructor(id: string | null) {
    modelCount += 1;
    this.key = modelCount;
    this.store = new Store(emptyState(id));
  }

  get busy(): boolean {
    return this.store.get().phase !== "idle";
  }

  /** Reads the conversation, and joins a run that is still writing to it. */
  async load(): Promise<void> {
    const { id } = this.store.get();
    if (id === null || this.busy) return;
    try {
      const conversation = await getJson<Conversation>(`/conversations/${id}`, undefined, this.abort.signal);
      // A question sent meanwhile knows better than this answer.
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- changes while the answer is awaited
      if (this.busy) return;
      this.store.update((state) => loaded(state, conversation));
      const writing = conversation.messages.findLast((message) => message.status === "streaming" && message.run_id !== null);
      if (writing !== undefined) this.join(writing);
    } catch (error) {
      if (isAbort(error)) return;
      this.store.update((state) => ({ ...state, load: state.messages.size > 0 ? "ready" : "failed", problem: asProblem(error) }));
    }
  }

  /** Asks below the newest message shown; of another moment where `as_of` names one. */
  ask(text: string, wish: Pick<ChatRequest, "tier" | "thinking" | "agent" | "agent_version" | "as_of"> = {}): void {
    const state = this.store.get();
    const leaf = shownPath(state.messages, state.choices).at(-1)?.message.id ?? null;
    this.begin({ text, parentId: leaf }, { message: text, may_ask: true, ...this.where(leaf), ...wish });
  }

  /** Asks differently: a sibling of the question. */
  edit(message: Message, text: string): void {
    this.begin({ text, parentId: message.parent_id }, { message: text, may_ask: true, ...this.where(message.parent_id), as_of: message.as_of });
  }

  /** Asks for another answer: a sibling of this one. */
  regenerate(message: Message): void {
    const { id } = this.store.get();
    if (id === null) return;
    this.begin({ text: null, parentId: message.parent_id }, { conversation_id: id, regenerate_message_id: message.id, may_ask: true, as_of: message.as_of });
  }

  async stop(): Promise<void> {
    const { live, phase } = this.store.get();
    if (phase === "idle") return;
    this.store.update((state) => ({ ...state, phase: "stopping" }));
    const runId = live?.runId ?? null;
    if (runId === null) return;
    try {
      await send(`/runs/${runId}/cancel`, { method: "POST" });
    } catch (error) {
      const problem = asProblem(error);
      // It ended by itself in the same moment: its last events are on their way.
      const ended = problem.status === 409;
      this.store.update((state) =>
        state.phase === "stopping" ? { ...state, phase: "streaming", problem: ended ? state.problem : problem } : state,
      );
    }
  }

  /** Gives the run that is being followed the answer that it waits for; what went wrong, where it did. */
  async answer(text: string): Promise<Problem | null> {
    const runId = this.store.get().live?.runId ?? null;
    if (runId === null) return null;
    try {
      await send(`/runs/${runId}/answer`, { method: "POST", body: { text } });
      return null;
    } catch (error) {
      return asProblem(error);
    }
  }

  show(messageId: string): void {
    this.store.update((state) => ({ ...state, choices: choose(state.messages, state.choices, messageId) }));
  }

  dismissProblem(): void {
    this.store.update((state) => ({ ...state, problem: null }));
  }

  takeUnsent(): void {
    this.store.update((state) => ({ ...state, unsent: null }));
  }

  rename(title: string): void {
    this.store.update((state) => ({ ...state, title }));
  }

  /** Stops listening. The run goes on at the server. */
  dispose(): void {
    this.abort.abort();
    cancelAnimationFrame(this.frame);
  }

  private where(parent: string | null): Pick<ChatRequest, "conversation_id" | "parent_message_id"> {
    const { id } = this.store.get();
    return id === null ? {} : { conversation_id: id, parent_message_id: parent };
  }

  private begin(what: Omit<Pending, "key" | "asOf">, request: ChatRequest): void {
    if (this.busy) return;
    pendingCount += 1;
    const pending: Pending = { key: `pending${pendingCount}`, asOf: request.as_of ?? null, ...what };
    this.store.update((state) => ({ ...state, pending, problem: null, phase: "sending", live: EMPTY_RUN }));
    void this.follow(() => startRun(request, this.abort.signal), null);
  }

  private join(message: Message): void {
    const { run_id: runId } = message;
    if (runId === null) return;
    const joined: RunView = { ...EMPTY_RUN, runId, messageId: message.id, userMessageId: message.parent_id };
    // Also where another answer of the question was looked at: this one is being written.
    this.store.update((state) => ({ ...state, choices: choose(state.messages, state.choices, message.id), phase: "streaming", live: { ...joined, text: message.content, citations: message.citations } }));
    void this.follow(() => openRun(runId, null, this.abort.signal), joined);
  }

  private async follow(open: () => Promise<Response>, joined: RunView | null): Promise<void> {
    this.run = joined ?? EMPTY_RUN;
    try {
      await followRun(
        open,
        joined?.runId ?? null,
        {
          onEvent: (event) => this.take(event),
          onConnection: (connection) =>
            this.store.update((state) =>
              state.phase === "stopping" ? state : { ...state, phase: connection === "live" ? "streaming" : "reconnecting" },
            ),
        },
        this.abort.signal,
      );
      this.flush();
    } catch (error) {
      this.flush();
      this.fail(error);
    }
    this.onChange();
  }

  /** Events are gathered and shown once a frame, however fast they come. */
  private take(event: AgUiEvent): void {
    this.queue.push(event);
    if (this.frame !== 0) return;
    // A hidden page gets no frames, and must still notice the end.
    if (document.hidden) this.flush();
    else this.frame = requestAnimationFrame(() => this.flush());
  }

  private flush(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.queue.length === 0) return;
    const events = this.queue;
    this.queue = [];
    const wasNew = this.store.get().id === null;
    this.run = events.reduce(applyEvent, this.run);
    this.store.update((state) => withLive(state.phase === "sending" ? { ...state, phase: "streaming" } : state, this.run));
    // Stop was pressed before the server had named the run.
    const { phase } = this.store.get();
    if (phase === "stopping" && events.some((event) => event.type === "RUN_STARTED")) void this.stop();
    if (wasNew && this.store.get().id !== null) this.onChange();
  }

  private fail(error: unknown): void {
    const problem = asProblem(error);
    this.store.update((state) => {
      if (state.live?.messageId === null || state.live === null) {
        return { ...state, pending: null, live: null, phase: "idle", problem, unsent: state.pending?.text ?? null };
      }
      const ended = withLive(state, { ...state.live, end: "failed", error: { code: problem.code, detail: problem.remedy === null ? problem.message : `${problem.message}; ${problem.remedy}` } });
      return { ...ended, problem };
    });
  }
}
