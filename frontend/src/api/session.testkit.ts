import { vi } from "vitest";
import type * as AuthModule from "./auth";
import type * as ClientModule from "./client";
import type { User } from "./identity-types";
import type * as SessionModule from "./session";

/** One tab of a browser: it shares cookies, locks and messages with the others, and has modules of its own. */
export interface Tab {
  session: typeof SessionModule;
  client: typeof ClientModule;
  auth: typeof AuthModule;
}

/** A person as the server tells of them. */
export const user = (id: string, fields: Partial<User> = {}): User => ({
  id,
  kind: "person",
  email: `${id}@example.org`,
  display_name: id,
  role: "viewer",
  permissions: ["documents:read"],
  tenant: { id: "ten_1", name: "Works" },
  has_password: true,
  second_factor: { enrolled: false, required: false, recovery_codes_left: 0 },
  restricted: false,
  session_id: "ses_1",
  ...fields,
});

/** The part of a server that matters here, at the wire: who is signed in, and for which refresh token a second use ends it all. */
export class Server {
  signedIn: User | null = null;
  accessGood = false;
  /** What script may read of the browser's cookies. */
  cookie = "";
  refreshes = 0;
  requests: string[] = [];
  /** Answers in place of the server's own, by method and path. */
  answers = new Map<string, () => Response>();
  private refreshing = false;

  handle = async (address: string, init: RequestInit): Promise<Response> => {
    const line = `${init.method ?? "GET"} ${address.replace("/api/v1", "")}`;
    const { signal } = init;
    this.requests.push(line);
    await Promise.resolve();
    signal?.throwIfAborted();
    const answer = this.answers.get(line);
    if (answer !== undefined) return answer();
    const unsafe = init.method !== "GET";
    if (unsafe && (init.headers as Record<string, string>)["x-csrf-token"] !== this.csrf) return problem(403, "csrf_rejected");
    if (line === "POST /auth/refresh") {
      // Reuse: two at once would spend the same token.
      if (this.refreshing) this.signedIn = null;
      this.refreshing = true;
      await new Promise((resolve) => setTimeout(resolve, 5));
      this.refreshing = false;
      if (this.signedIn === null) return problem(401, "unauthenticated");
      this.refreshes += 1;
      this.accessGood = true;
      return json({ status: "signed_in", user: this.signedIn, challenge: null });
    }
    if (this.signedIn === null || !this.accessGood) return problem(401, "unauthenticated");
    if (line === "POST /auth/logout") {
      this.signedIn = null;
      return json({ redirect_to: null });
    }
    return json(line === "GET /auth/me" ? this.signedIn : { ok: true });
  };

  private get csrf(): string | undefined {
    return /__Host-millwright_csrf=([^;]+)/.exec(this.cookie)?.[1];
  }

  signIn(person: User): void {
    this.signedIn = person;
    this.accessGood = true;
    this.cookie = "theme=dark; __Host-millwright_csrf=token-1; other=1";
  }
}

export function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } });
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ status, code, title: code, detail: code }), { status, headers: { "content-type": "application/problem+json", ...headers } });
}

/** `navigator.locks`, as far as it is used: one holder at a time. */
class Locks {
  private last: Promise<unknown> = Promise.resolve();
  request = <T>(_name: string, work: () => Promise<T>): Promise<T> => {
    const next = this.last.then(work);
    this.last = next.catch(() => undefined);
    return next;
  };
}

class Channel {
  static all: Channel[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  constructor() {
    Channel.all.push(this);
  }
  postMessage(data: unknown): void {
    for (const other of Channel.all) if (other !== this) queueMicrotask(() => other.onmessage?.({ data }));
  }
}

export async function openTab(): Promise<Tab> {
  vi.resetModules();
  const [session, client, auth] = await Promise.all([import("./session"), import("./client"), import("./auth")]);
  return { session, client, auth };
}

/** Puts the browser around the modules: one for each test. */
export function stubBrowser(server: Server): void {
  Channel.all = [];
  vi.stubGlobal("fetch", server.handle);
  vi.stubGlobal("BroadcastChannel", Channel);
  const stored = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
  vi.stubGlobal("navigator", { locks: new Locks() });
  vi.stubGlobal("document", {
    get cookie() {
      return server.cookie;
    },
  });
  vi.stubGlobal("window", { isSecureContext: true, location: { assign: vi.fn() } });
}
