import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { send } from "@/api/client";
import { Problem } from "@/api/problem";
import { followGoal } from "./follow";

vi.mock("@/api/client", () => ({ send: vi.fn(), getJson: vi.fn(), sendJson: vi.fn() }));

const sent = vi.mocked(send);
const refused = (status: number) => Promise.reject(new Problem({ code: "some", status }));
/** A stream that tells how the goal stands, and breaks off after so long. */
function stream(status: string, ms = 0): Promise<Response> {
  let timer: ReturnType<typeof setTimeout>;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(`event: goal\ndata: ${JSON.stringify({ id: "gol_1", revision: 1, status })}\n\n`));
      timer = setTimeout(() => controller.close(), ms);
    },
    cancel: () => clearTimeout(timer),
  });
  return Promise.resolve(new Response(body));
}

let client: QueryClient;
let abort: AbortController;
let broken: boolean[];
const follow = () => followGoal("gol_1", client, abort.signal, (is) => broken.push(is));

beforeEach(() => {
  vi.useFakeTimers();
  sent.mockReset();
  client = new QueryClient();
  abort = new AbortController();
  broken = [];
});
afterEach(() => {
  abort.abort();
  vi.useRealTimers();
});

describe("following a goal", () => {
  it("ends with a refusal, and has the goal read anew", async () => {
    const invalidate = vi.spyOn(client, "invalidateQueries");
    sent.mockImplementation(() => refused(403));
    await follow();
    expect(sent).toHaveBeenCalledTimes(1);
    expect(invalidate).toHaveBeenCalledWith({ queryKey: ["goal", "gol_1"] });
    expect(broken).toEqual([false]);
  });

  it("goes on after too many requests and after a fault", async () => {
    sent.mockImplementationOnce(() => refused(429)).mockImplementationOnce(() => refused(503)).mockImplementationOnce(() => stream("finished"));
    const done = follow();
    await vi.advanceTimersByTimeAsync(2_000);
    await done;
    expect(sent).toHaveBeenCalledTimes(3);
    expect(client.getQueryData(["goal", "gol_1"])).toMatchObject({ status: "finished" });
  });

  it("does not take up again what is refused after the connection broke", async () => {
    sent.mockImplementationOnce(() => stream("running")).mockImplementation(() => refused(404));
    const done = follow();
    await vi.advanceTimersByTimeAsync(1_000);
    await done;
    expect(sent).toHaveBeenCalledTimes(2);
    expect(broken).toEqual([false, true, false]);
  });

  it("asks less and less often where each stream breaks off at once", async () => {
    sent.mockImplementation(() => stream("running"));
    void follow();
    await vi.advanceTimersByTimeAsync(20_000);
    // At once, after 0.3, 1 and 2.5 seconds more, and then every 5.
    expect(sent).toHaveBeenCalledTimes(7);
  });

  it("asks again soon after a stream that lived", async () => {
    sent.mockImplementation(() => stream("running", 6_000));
    void follow();
    await vi.advanceTimersByTimeAsync(26_000);
    expect(sent).toHaveBeenCalledTimes(5);
  });
});
