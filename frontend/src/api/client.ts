import { reportDown, reportUp } from "./connection";
import { Problem, UNREACHABLE, isAbort, problemFromResponse } from "./problem";
import { endSession, session } from "./session";

export const BASE = "/api/v1";

type Query = Record<string, string | number | null | undefined>;

export interface RequestOptions {
  method?: string;
  body?: unknown;
  query?: Query;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export function url(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? BASE + path : `${BASE}${path}?${text}`;
}

export function authorization(): Record<string, string> {
  const current = session.get();
  return current === null ? {} : { authorization: `Bearer ${current.token}` };
}

/** Sends a request and returns the response if it is a success; throws a `Problem` otherwise. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const token = session.get()?.token;
  const init: RequestInit = {
    method: options.method ?? "GET",
    headers: {
      ...authorization(),
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  let response: Response;
  try {
    response = await fetch(url(path, options.query), init);
  } catch (error) {
    if (isAbort(error)) throw error;
    reportDown();
    throw new Problem({ code: UNREACHABLE });
  }
  reportUp();
  if (response.ok) return response;
  // A late answer to an old token must not end a session that began meanwhile.
  if (response.status === 401 && token !== undefined && session.get()?.token === token) endSession();
  throw await problemFromResponse(response);
}

export async function getJson<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await send(path, { ...(query === undefined ? {} : { query }), signal });
  return (await response.json()) as T;
}

export async function sendJson<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await send(path, { method, body });
  return (await response.json()) as T;
}
