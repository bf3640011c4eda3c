import type { Run, RunStep } from "@/api/types";

/** A call of a model, as the API has it. */
export interface RunCall {
  ended_at: string;
  model: string;
  input_tokens: number;
  output_tokens: number;
  cost_micros: number;
}

/** What policy decided of something that the run was about to do. */
export interface RunDecision {
  id: string;
  decided_at: string;
  action: string;
  verdict: string;
  policies: unknown;
}

export interface RunAccount {
  currency: string;
  calls: RunCall[];
  decisions: RunDecision[];
}

/** A step in the time of its run, with what it took. */
export interface TimelineRow {
  step: RunStep;
  /** Of the run's whole time, from 0 to 1. */
  from: number;
  length: number;
  tokens: number;
  costMicros: number;
  decisions: RunDecision[];
}

/** The steps of a run side by side with what they took. What came between two steps belongs to the one before. */
export function timelineOf(run: Run, account: RunAccount | undefined, now: number): TimelineRow[] {
  const begin = Date.parse(run.created_at);
  const end = run.finished_at === null ? now : Date.parse(run.finished_at);
  const whole = Math.max(1, end - begin);
  return run.steps.map((step, index) => {
    const started = index === 0 ? begin : Date.parse(step.started_at);
    const next = run.steps[index + 1];
    const until = next === undefined ? Infinity : Date.parse(next.started_at);
    const within = (time: string) => Date.parse(time) >= started && Date.parse(time) < until;
    const calls = (account?.calls ?? []).filter((call) => within(call.ended_at));
    const ended = step.finished_at === null ? end : Date.parse(step.finished_at);
    const at = Math.max(0, Date.parse(step.started_at) - begin);
    return {
      step,
      from: Math.min(1, at / whole),
      length: Math.max(0, Math.min(1, (ended - begin - at) / whole)),
      tokens: calls.reduce((sum, call) => sum + call.input_tokens + call.output_tokens, 0),
      costMicros: calls.reduce((sum, call) => sum + call.cost_micros, 0),
      decisions: (account?.decisions ?? []).filter((decision) => within(decision.decided_at)),
    };
  });
}
