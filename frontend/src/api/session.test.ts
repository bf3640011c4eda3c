import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Server, json, openTab, problem, stubBrowser, user, type Tab } from "./session.testkit";

let server: Server;

const settle = () => new Promise((resolve) => setTimeout(resolve, 30));
const code = (error: unknown) => (error as { code?: string }).code;

beforeEach(() => {
  server = new Server();
  stubBrowser(server);
});
afterEach(() => vi.unstubAllGlobals());

describe("at the start", () => {
  it("asks nobody when there is no cookie: nobody is signed in", async () => {
    const { auth, session } = await openTab();
    await auth.startSession();
    expect(session.session.get()).toBeNull();
    expect(server.requests).toEqual([]);
  });

  it("takes the person from the server", async () => {
    server.signIn(user("ada"));
    const { auth, session } = await openTab();
    await auth.startSession();
    expect(session.session.get()?.user.id).toBe("ada");
    expect(server.requests).toEqual(["GET /auth/me"]);
  });

  it("renews a session whose short-lived cookie has run out", async () => {
    server.signIn(user("ada"));
    server.accessGood = false;
    const { auth, session } = await openTab();
    await auth.startSession();
    expect(session.session.get()?.user.id).toBe("ada");
    expect(server.refreshes).toBe(1);
  });

  it("waits for the answer to a refresh in the middle of which the page before was left", async () => {
    server.signIn(user("ada"));
    server.accessGood = false;
    localStorage.setItem("millwright.refresh", String(Date.now() - 500));
    setTimeout(() => {
      server.accessGood = true;
    }, 100);
    const { auth, session } = await openTab();
    await auth.startSession();
    expect(session.session.get()?.user.id).toBe("ada");
    expect(server.requests).not.toContain("POST /auth/refresh");
  });

  it("does not wait for ever for an answer that was lost", async () => {
    server.signIn(user("ada"));
    server.accessGood = false;
    localStorage.setItem("millwright.refresh", String(Date.now() - 4_900));
    const { auth, session } = await openTab();
    await auth.startSession();
    expect(session.session.get()?.user.id).toBe("ada");
    expect(server.refreshes).toBe(1);
    expect(localStorage.getItem("millwright.refresh")).toBeNull();
  });

  it("does not take a fault for the end of the session", async () => {
    server.signIn(user("ada"));
    server.answers.set("GET /auth/me", () => problem(503, "upstream_unavailable"));
    const { auth } = await openTab();
    await expect(auth.startSession()).rejects.toMatchObject({ code: "upstream_unavailable" });
  });
});

describe("a request", () => {
  it("carries the token of the readable cookie if it changes something, and only then", async () => {
    server.signIn(user("ada"));
    const { auth, client } = await openTab();
    await auth.startSession();
    const sent: Record<string, string>[] = [];
    vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
      sent.push(init.headers as Record<string, string>);
      return server.handle(address, init);
    });
    await client.getJson("/documents");
    await client.send("/documents/doc_1", { method: "DELETE" });
    expect(sent.map((headers) => headers["x-csrf-token"])).toEqual([undefined, "token-1"]);
    expect(sent.every((headers) => !("authorization" in headers))).toBe(true);
  });

  it("is sent once more also where its address stands beside the API", async () => {
    server.signIn(user("ada"));
    const { auth, client } = await openTab();
    await auth.startSession();
    server.accessGood = false;
    expect((await client.send("/v1/models", { base: "" })).ok).toBe(true);
    expect(server.requests.filter((line) => line === "GET /v1/models")).toHaveLength(2);
    expect(server.refreshes).toBe(1);
  });

  it("is sent once more after a renewal; requests that fail together share one", async () => {
    server.signIn(user("ada"));
    const { auth, client } = await openTab();
    await auth.startSession();
    server.accessGood = false;
    await Promise.all([client.getJson("/documents"), client.getJson("/conversations"), client.send("/chat", { method: "POST", body: {} })]);
    expect(server.refreshes).toBe(1);
    expect(server.requests.filter((line) => line === "GET /auth/me")).toHaveLength(2);
    expect(server.requests.filter((line) => line === "POST /chat")).toHaveLength(2);
  });

  it("ends the session here when the server has ended it", async () => {
    server.signIn(user("ada"));
    const { auth, client, session } = await openTab();
    await auth.startSession();
    server.signedIn = null;
    await expect(client.getJson("/documents")).rejects.toMatchObject({ status: 401 });
    expect(session.session.get()).toBeNull();
    expect(session.wasSignedOut()).toBe(false);
  });

  it("keeps the session when the renewal fails for another reason", async () => {
    server.signIn(user("ada"));
    const { auth, client, session } = await openTab();
    await auth.startSession();
    server.accessGood = false;
    server.answers.set("POST /auth/refresh", () => problem(429, "rate_limited", { "retry-after": "7" }));
    const refused = await client.getJson("/documents").catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "rate_limited", retryAfter: 7 });
    expect(session.session.get()?.user.id).toBe("ada");
    server.answers.clear();
    await client.getJson("/documents");
  });

  it("is not sent again in the name of somebody else", async () => {
    server.signIn(user("ada"));
    const { auth, client, session } = await openTab();
    await auth.startSession();
    server.accessGood = false;
    server.signedIn = user("bob");
    await expect(client.send("/documents/doc_1", { method: "DELETE" })).rejects.toMatchObject({ status: 401 });
    expect(server.requests.filter((line) => line.startsWith("DELETE"))).toHaveLength(1);
    expect(session.session.get()?.user.id).toBe("bob");
  });

  it("with a wrong password of its own does not touch the session", async () => {
    server.signIn(user("ada"));
    const { auth, client, session } = await openTab();
    await auth.startSession();
    server.accessGood = false;
    server.answers.set("POST /auth/password", () => problem(401, "unauthenticated"));
    await expect(client.sendCredential("POST", "/auth/password", {})).rejects.toMatchObject({ status: 401 });
    expect(server.requests.filter((line) => line === "POST /auth/password")).toHaveLength(1);
    expect(server.refreshes).toBe(1);
    expect(session.session.get()?.user.id).toBe("ada");
  });

  it("refused for want of a second factor makes the person be read again", async () => {
    server.signIn(user("ada"));
    const { auth, client, session } = await openTab();
    await auth.startSession();
    server.signedIn = user("ada", { restricted: true });
    server.answers.set("GET /documents", () => problem(403, "second_factor_required"));
    await expect(client.getJson("/documents")).rejects.toMatchObject({ code: "second_factor_required" });
    await settle();
    expect(session.session.get()?.user.restricted).toBe(true);
  });
});

describe("signing in", () => {
  it("says why when the browser does not keep the cookie", async () => {
    const { auth, session } = await openTab();
    server.answers.set("POST /auth/login", () => json({ status: "signed_in", user: user("ada"), challenge: null }));
    vi.stubGlobal("window", { isSecureContext: false });
    expect(code(await auth.signIn("login", {}).catch((error: unknown) => error))).toBe("insecure_site");
    vi.stubGlobal("window", { isSecureContext: true });
    expect(code(await auth.signIn("login", {}).catch((error: unknown) => error))).toBe("cookie_refused");
    expect(session.session.get()).toBeNull();
  });

  it("hands on the challenge of the second step", async () => {
    const { auth } = await openTab();
    server.answers.set("POST /auth/login", () => json({ status: "second_factor_required", user: null, challenge: "abc" }));
    expect(await auth.signIn("login", {})).toBe("abc");
    const steps: unknown[] = [];
    vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
      if (typeof init.body === "string") steps.push(JSON.parse(init.body));
      return server.handle(address, init);
    });
    server.answers.set("POST /auth/login/second-factor", () => {
      server.signIn(user("ada"));
      return json({ status: "signed_in", user: user("ada"), challenge: null });
    });
    await auth.showCode("abc", "123456");
    await auth.showCode(null, "123456");
    expect(steps).toEqual([{ challenge: "abc", code: "123456" }, { code: "123456" }]);
  });
});

describe("several tabs", () => {
  async function twoTabs(): Promise<[Tab, Tab]> {
    server.signIn(user("ada"));
    const one = await openTab();
    await one.auth.startSession();
    const two = await openTab();
    await two.auth.startSession();
    return [one, two];
  }

  it("never spend the same refresh token twice", async () => {
    const [one, two] = await twoTabs();
    server.accessGood = false;
    await Promise.all([one.client.getJson("/documents"), two.client.getJson("/documents")]);
    expect(server.refreshes).toBe(1);
    expect([one, two].map((tab) => tab.session.session.get()?.user.id)).toEqual(["ada", "ada"]);
  });

  it("are all left by signing out in one", async () => {
    const [one, two] = await twoTabs();
    await one.auth.signOut();
    await settle();
    expect(two.session.session.get()).toBeNull();
    expect(two.session.wasSignedOut()).toBe(true);
  });

  it("stay signed in when the server cannot be told", async () => {
    const [one, two] = await twoTabs();
    server.answers.set("POST /auth/logout", () => problem(503, "upstream_unavailable"));
    await expect(one.auth.signOut()).rejects.toMatchObject({ status: 503 });
    await settle();
    expect([one, two].map((tab) => tab.session.session.get()?.user.id)).toEqual(["ada", "ada"]);
  });

  it("do not take an answer that the sign-out has overtaken", async () => {
    const [one, two] = await twoTabs();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    vi.stubGlobal("fetch", async (address: string, init: RequestInit) => {
      const response = await server.handle(address, init);
      if (address.endsWith("/auth/me")) await held;
      return response;
    });
    const reading = two.auth.rereadUser().catch(() => undefined);
    await settle();
    await one.auth.signOut();
    await settle();
    release();
    await reading;
    expect(two.session.session.get()).toBeNull();
  });

  it("all become the person who signs in in one", async () => {
    const [one, two] = await twoTabs();
    await one.auth.signOut();
    await settle();
    server.answers.set("POST /auth/login", () => {
      server.signIn(user("bob"));
      return json({ status: "signed_in", user: user("bob"), challenge: null });
    });
    await one.auth.signIn("login", {});
    await settle();
    expect(two.session.session.get()?.user.id).toBe("bob");
  });

  it("all find out when one finds its session ended", async () => {
    const [one, two] = await twoTabs();
    server.signedIn = null;
    await expect(one.client.getJson("/documents")).rejects.toMatchObject({ status: 401 });
    await settle();
    expect(two.session.session.get()).toBeNull();
  });
});
