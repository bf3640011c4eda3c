import { BASE, exchange, type Exchange } from "./http";
import { problemFromResponse } from "./problem";
import { renew } from "./renewal";
import { loseSession, session } from "./session";

type Query = Record<string, string | number | null | undefined>;

export interface RequestOptions extends Exchange {
  query?: Query;
  /** What the path begins with, where that is not the API's own. */
  base?: string;
  /** The request carries a password or a code of its own: a 401 judges that and says nothing of the session. */
  ownCredential?: boolean;
}

export function url(path: string, query: Query = {}, base: string = BASE): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? base + path : `${base}${path}?${text}`;
}

/** Sends a request and returns the response if it is a success; throws a `Problem` otherwise. If the session has run out, it is
 *  renewed and the request sent once more. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const who = session.get()?.user.id;
  const again = () => exchange(url(path, options.query, options.base), options);
  let response = await again();
  if (response.status === 401 && options.ownCredential !== true && (await mayRepeat(who))) {
    response = await again();
    if (response.status === 401 && session.get()?.user.id === who) loseSession();
  }
  if (response.ok) return response;
  const problem = await problemFromResponse(response);
  // The policy has changed: the person's page follows what the server says of them now.
  if (problem.code === "second_factor_required") void renew().catch(() => undefined);
  throw problem;
}

/** Whether a request that was refused with 401 may be sent again: there is a session, and it is still of the same person. */
export async function mayRepeat(who: string | undefined): Promise<boolean> {
  return who !== undefined && (await renew()) === "live" && session.get()?.user.id === who;
}

/** Makes sure of the session first, so that a 401 on a request with a password or a code can only mean these. */
export async function sendCredential(method: string, path: string, body: unknown): Promise<Response> {
  await send("/auth/me");
  return send(path, { method, body, ownCredential: true });
}

export async function getJson<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await send(path, { ...(query === undefined ? {} : { query }), signal });
  return (await response.json()) as T;
}

export async function sendJson<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
  const response = await send(path, { method, body, ...(headers === undefined ? {} : { headers }) });
  return (await response.json()) as T;
}
