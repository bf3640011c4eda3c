import { reportDown, reportUp } from "./connection";
import { Problem, UNREACHABLE, isAbort } from "./problem";

export const BASE = "/api/v1";

const CSRF_COOKIE = "__Host-millwright_csrf";
export const CSRF_HEADER = "x-csrf-token";

/** The one cookie that script may read. Sent back as a header, it proves that the request comes from this site. */
export function csrfToken(): string | null {
  for (const pair of document.cookie.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === CSRF_COOKIE && value !== undefined && value !== "") return value;
  }
  return null;
}

export interface Exchange {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Goes on when the page is left meanwhile, so that the cookies of the answer are kept. */
  keepalive?: boolean;
}

/** One request and its answer, whatever its status. `address` includes the base. Throws a `Problem` if no answer came. */
export async function exchange(address: string, options: Exchange = {}): Promise<Response> {
  const token = csrfToken();
  const response = await once(address, options, token);
  // Another tab renewed the session between the reading of the cookie and the sending: nothing was done, so once more.
  if (response.status === 403 && isUnsafe(options.method) && csrfToken() !== token) return once(address, options, csrfToken());
  return response;
}

async function once(address: string, options: Exchange, token: string | null): Promise<Response> {
  const init: RequestInit = {
    method: options.method ?? "GET",
    credentials: "same-origin",
    keepalive: options.keepalive ?? false,
    headers: {
      ...(isUnsafe(options.method) && token !== null ? { [CSRF_HEADER]: token } : {}),
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  try {
    const response = await fetch(address, init);
    reportUp();
    return response;
  } catch (error) {
    if (isAbort(error)) throw error;
    reportDown();
    throw new Problem({ code: UNREACHABLE });
  }
}

function isUnsafe(method: string | undefined): boolean {
  return method !== undefined && method !== "GET" && method !== "HEAD";
}
