import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Problem } from "@/api/problem";
import type { Uploaded } from "@/api/upload";

/** What the server answers to each file, in their order: the seconds to wait, `refused` without a time, or that it takes it. */
let answers: (number | "refused" | "taken")[] = [];
const sent: string[] = [];

vi.mock("@/api/upload", () => ({
  uploadDocument: (file: File) => {
    sent.push(file.name);
    const answer = answers.shift() ?? "taken";
    const full = new Problem({ code: "rate_limited", status: 429 }, typeof answer === "number" ? answer : null);
    const taken = { document: { id: file.name, latest: { status: "ready" } }, unchanged: false } as unknown as Uploaded;
    return { done: answer === "taken" ? Promise.resolve(taken) : Promise.reject(full), cancel: () => undefined };
  },
}));

const { addUploads, forgetUploads, removeUpload, uploads } = await import("./upload-queue");
const said = { classification: "INTERNAL", export_control: [], groups: [], tags: [], effective_from: null, effective_until: null } as const;
const files = (...names: string[]) => names.map((name) => new File(["x"], name));
const phases = () => uploads.get().map((item) => `${item.file.name} ${item.phase}`);

beforeEach(() => {
  vi.useFakeTimers();
  sent.length = 0;
});
afterEach(() => {
  forgetUploads();
  vi.useRealTimers();
});

it("waits as long as the server says when its queue is full, and goes on", async () => {
  answers = [60, 60];
  addUploads(files("a", "b", "c"), said);
  await vi.advanceTimersByTimeAsync(0);
  expect(phases()).toEqual(["a held", "b held", "c waiting"]);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(sent).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(phases()).toEqual(["a accepted", "b accepted", "c accepted"]);
});

it("sends what is left when the file that waits is given up", async () => {
  answers = [60];
  addUploads(files("a"), said);
  await vi.advanceTimersByTimeAsync(0);
  addUploads(files("b"), said);
  await vi.advanceTimersByTimeAsync(0);
  expect(phases()).toEqual(["a held", "b waiting"]);
  removeUpload(uploads.get()[0]?.key ?? "");
  await vi.advanceTimersByTimeAsync(0);
  expect(phases()).toEqual(["b accepted"]);
});

it("counts a refusal without a time as a failure", async () => {
  answers = ["refused"];
  addUploads(files("a"), said);
  await vi.advanceTimersByTimeAsync(0);
  expect(phases()).toEqual(["a failed"]);
});
