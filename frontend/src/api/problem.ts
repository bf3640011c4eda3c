import type { ProblemBody } from "./types";

/** A refusal or failure in the form the interface shows it. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly traceId: string | null;
  readonly remedy: string | null;
  readonly fields: { field: string; message: string }[];
  /** Seconds to wait before asking again. */
  readonly retryAfter: number | null;

  constructor(body: Partial<Omit<ProblemBody, "code">> & { code: string }, retryAfter: number | null = null) {
    super(body.detail ?? "");
    this.name = "Problem";
    this.code = body.code;
    this.status = body.status ?? 0;
    this.title = body.title ?? "";
    this.traceId = body.trace_id ?? null;
    this.remedy = body.remedy ?? null;
    this.fields = body.fields ?? [];
    this.retryAfter = retryAfter;
  }

  /** What the server says of one field of the request. */
  field(name: string): string | undefined {
    return this.fields.find(({ field }) => field === name)?.message;
  }
}

/** The request did not reach the server, or its answer did not reach us. */
export const UNREACHABLE = "unreachable";

/** Reads the problem out of an error response; anything else becomes `internal` with the status kept. */
export function problemFromText(status: number, text: string, traceId: string | null, retryAfter: number | null = null): Problem {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && "code" in body && typeof body.code === "string") {
      return new Problem({ status, ...(body as Partial<ProblemBody>), code: body.code }, retryAfter);
    }
  } catch {
    // Not JSON: a proxy's page, perhaps. The status says what there is to say.
  }
  return new Problem({ code: "internal", status, detail: `HTTP ${status}`, ...(traceId === null ? {} : { trace_id: traceId }) }, retryAfter);
}

export async function problemFromResponse(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => "");
  return problemFromText(response.status, text, response.headers.get("x-request-id"), secondsOf(response.headers.get("retry-after")));
}

/** The seconds of a `Retry-After` header. */
export function secondsOf(header: string | null): number | null {
  const seconds = Number(header ?? NaN);
  return Number.isFinite(seconds) ? seconds : null;
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem({ code: "internal", detail: error instanceof Error ? error.message : String(error) });
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
