import { asProblem, isAbort, type Problem } from "@/api/problem";
import type { Document } from "@/api/types";
import { uploadDocument, type UploadDescription } from "@/api/upload";
import { Store } from "@/lib/store";

export interface UploadItem {
  key: string;
  file: File;
  said: UploadDescription;
  /** `held`: the server said when to come again. Its queue is full or there were too many requests: both have one code. */
  phase: "waiting" | "sending" | "held" | "accepted" | "failed";
  sent: number;
  document: Document | null;
  /** The server had these bytes already. */
  unchanged: boolean;
  problem: Problem | null;
}

/** Files on their way. The queue lives outside React, so uploads go on while another page is open. */
export const uploads = new Store<readonly UploadItem[]>([]);

const AT_ONCE = 2;
/** However long a server says, a place may become free earlier. */
const LONGEST_WAIT_SECONDS = 300;
const cancels = new Map<string, () => void>();
let count = 0;
let accepted: () => void = () => undefined;
/** Runs out when files may be sent again. */
let pause: ReturnType<typeof setTimeout> | null = null;

/** Called whenever the server has taken a file. */
export function onAccepted(listener: () => void): void {
  accepted = listener;
}

export function addUploads(files: Iterable<File>, said: UploadDescription): void {
  const items = [...files].map((file): UploadItem => {
    count += 1;
    return { key: `upload${count}`, file, said, phase: "waiting", sent: 0, document: null, unchanged: false, problem: null };
  });
  uploads.update((known) => [...known, ...items]);
  pump();
}

export function removeUpload(key: string): void {
  cancels.get(key)?.();
  uploads.update((known) => known.filter((item) => item.key !== key));
  if (pause !== null && !uploads.get().some((item) => item.phase === "held")) resume();
  pump();
}

export function retryUpload(key: string): void {
  change(key, { phase: "waiting", sent: 0, problem: null });
  pump();
}

export function updateUploadedDocument(document: Document): void {
  const item = uploads.get().find((candidate) => candidate.document?.id === document.id);
  if (item !== undefined) change(item.key, { document });
}

export function clearFinishedUploads(): void {
  uploads.update((known) => known.filter((item) => !isSettled(item)));
}

export function isSettled(item: UploadItem): boolean {
  if (item.phase === "failed") return true;
  const status = item.document?.latest.status;
  return item.phase === "accepted" && status !== "queued" && status !== "processing";
}

export function forgetUploads(): void {
  for (const cancel of cancels.values()) cancel();
  cancels.clear();
  uploads.set([]);
  resume();
}

function change(key: string, fields: Partial<UploadItem>): void {
  uploads.update((known) => known.map((item) => (item.key === key ? { ...item, ...fields } : item)));
}

/** Nothing is sent until the server may have room again. */
function hold(key: string, seconds: number): void {
  change(key, { phase: "held", sent: 0 });
  pause ??= setTimeout(() => {
    resume();
    pump();
  }, Math.min(Math.max(seconds, 1), LONGEST_WAIT_SECONDS) * 1000);
}

function resume(): void {
  if (pause !== null) clearTimeout(pause);
  pause = null;
  uploads.update((known) => known.map((item) => (item.phase === "held" ? { ...item, phase: "waiting" } : item)));
}

function pump(): void {
  if (pause !== null) return;
  const items = uploads.get();
  const free = AT_ONCE - items.filter((item) => item.phase === "sending").length;
  for (const item of items.filter((candidate) => candidate.phase === "waiting").slice(0, Math.max(0, free))) void start(item);
}

async function start(item: UploadItem): Promise<void> {
  change(item.key, { phase: "sending" });
  const upload = uploadDocument(item.file, item.said, (sent) => change(item.key, { sent }));
  cancels.set(item.key, upload.cancel);
  try {
    const { document, unchanged } = await upload.done;
    change(item.key, { phase: "accepted", document, unchanged });
    accepted();
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status === 429 && problem.retryAfter !== null) hold(item.key, problem.retryAfter);
    else if (!isAbort(error)) change(item.key, { phase: "failed", problem });
  }
  cancels.delete(item.key);
  pump();
}
