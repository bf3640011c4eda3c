import { describe, expect, it } from "vitest";
import type { GoalCheck, GoalStatus, GoalStep } from "@/api/goal-types";
import { checkStates } from "./checks";
import { news } from "./news";
import { planError } from "./plan-error";
import { pollAfter } from "./poll";
import { reasonOf } from "./reason";

const says = (text: string): GoalCheck => ({ kind: "says", text, count: null });
const ANSWERED: GoalCheck = { kind: "answered", text: null, count: null };
const failed = (detail: string, code = "check_failed") => ({ status: "failed" as const, error: { code, detail } });

describe("what is wrong with a plan", () => {
  it("stands at the line that the server names", () => {
    expect(planError("line 2: pipeline[0]: unknown field `aks`", "pipeline:\n  - aks: What?")).toEqual({ line: 2, message: "pipeline[0]: unknown field `aks`" });
  });

  it("stands at the line that names the step, where one does", () => {
    const text = 'steps:\n  - name: "other"\n    ask: b\n  - ask: a\n    name: oil # the first\n    rounds: 9';
    expect(planError("step `oil`: rounds is 1 to 5", text)).toEqual({ line: 5, message: "step `oil`: rounds is 1 to 5" });
    expect(planError("step `other`: rounds is 1 to 5", text).line).toBe(2);
    expect(planError("step `step-1`: rounds is 1 to 5", text).line).toBeNull();
    expect(planError("a plan has 1 to 23 steps beside its report", text).line).toBeNull();
  });
});

describe("the checks of a step", () => {
  it("are all met where it has come about, and open while it has not ended", () => {
    expect(checkStates({ expects: [ANSWERED, says("lock")], status: "done", error: null })).toEqual(["met", "met"]);
    expect(checkStates({ expects: [ANSWERED], status: "running", error: null })).toEqual(["open"]);
    expect(checkStates({ expects: [ANSWERED], ...failed("its run is gone", "not_found") })).toEqual(["open"]);
  });

  it("are told apart by what the error names", () => {
    const documents: GoalCheck = { kind: "documents", text: null, count: 2 };
    expect(checkStates({ expects: [ANSWERED, documents, says("a; b")], ...failed('the answer has to cite 2 documents or more; the answer has to say "a; b"') })).toEqual(["met", "unmet", "unmet"]);
  });

  it("stay open where the error names something that is not known here", () => {
    expect(checkStates({ expects: [ANSWERED, says("Anna")], ...failed('the documents have to hold the answer; the answer has to say "[PERSON_1]"') })).toEqual(["unmet", "open"]);
  });
});

describe("the news", () => {
  const step = (name: string, status: GoalStep["status"]) => ({ name, status }) as GoalStep;

  it("tell of steps that went on and of the goal, and not of what only comes next", () => {
    const before = { status: "running" as const, steps: [step("a", "running"), step("b", "pending"), step("c", "pending")] };
    const after = { status: "paused" as const, steps: [step("a", "done"), step("b", "waiting"), step("c", "ready"), step("d", "running")] };
    expect(news(before, after)).toEqual([
      { kind: "step", name: "a", status: "done" },
      { kind: "step", name: "b", status: "waiting" },
      { kind: "goal", status: "paused" },
    ]);
    expect(news(after, after)).toEqual([]);
  });
});

describe("the list of goals", () => {
  const goal = (status: GoalStatus, steps_waiting = 0) => ({ status, steps_waiting });

  it("is read anew while a goal is open, and less often where each is paused or waits for a person", () => {
    expect(pollAfter([])).toBe(false);
    expect(pollAfter([goal("finished"), goal("failed"), goal("cancelled"), goal("proposed")])).toBe(false);
    const [planning, running, paused, waiting] = [goal("planning"), goal("running"), goal("paused"), goal("running", 1)].map((one) => pollAfter([one]));
    expect(running).toBe(planning);
    expect(waiting).toBeGreaterThan(Number(planning));
    expect(paused).toBe(waiting);
    expect(pollAfter([goal("running", 1), goal("paused"), goal("running")])).toBe(running);
  });
});

describe("why a step was skipped", () => {
  it("is known by the server's words", () => {
    expect(reasonOf("a gate said no")).toBe("gateNo");
    expect(reasonOf("it is not needed any more")).toBe("notNeeded");
    expect(reasonOf("the moon is full")).toBeNull();
    expect(reasonOf("toString")).toBeNull();
  });
});
