import { BASE, csrfToken, exchange } from "./http";
import type { LoginResponse, User } from "./identity-types";
import { problemFromResponse } from "./problem";
import { loseSession, question } from "./session";

/** Whether there is a session after all. */
export type Renewal = "live" | "ended";

const LOCK = "millwright-refresh";
let running: Promise<Renewal> | null = null;

/** Asks who is signed in and, if the short-lived cookie has run out, renews it. Requests that fail together share one renewal.
 *  Rejects with a `Problem` when the server gives no clear answer: a fault is no reason to sign anybody out. */
export function renew(): Promise<Renewal> {
  running ??= underLock(askOrRefresh).finally(() => {
    running = null;
  });
  return running;
}

/** Renews even a session that is still good, because what it may do has changed. */
export function refresh(): Promise<Renewal> {
  return underLock(refreshNow);
}

/** Refresh tokens are used once, and a second use ends the session: tabs take turns. */
async function underLock(work: () => Promise<Renewal>): Promise<Renewal> {
  // Locks exist on secure sites only, as the cookies do.
  return "locks" in navigator ? await navigator.locks.request(LOCK, work) : await work();
}

async function askOrRefresh(): Promise<Renewal> {
  // Without the readable cookie there are no others either, and nothing could be renewed.
  if (csrfToken() === null) return ended();
  // Another tab may have renewed it while this one waited.
  const answer = question();
  const me = await exchange(`${BASE}/auth/me`);
  if (me.ok) {
    answer((await me.json()) as User);
    return "live";
  }
  if (me.status !== 401) throw await problemFromResponse(me);
  // A page that was left in the middle of a refresh has spent the token; its answer brings the next one.
  if (!isUnanswered()) return refreshNow();
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  return askOrRefresh();
}

async function refreshNow(): Promise<Renewal> {
  const answer = question();
  mark(String(Date.now()));
  const response = await exchange(`${BASE}/auth/refresh`, { method: "POST", body: {}, keepalive: true });
  // Not after a failure: while the page is being left, every request fails, and this one may have arrived.
  mark(null);
  // 403: the readable cookie no longer belongs to the others. There is no way back from that either.
  if (response.status === 401 || response.status === 403) return ended();
  if (!response.ok) throw await problemFromResponse(response);
  const { user } = (await response.json()) as LoginResponse;
  if (user === null) return ended();
  answer(user);
  return "live";
}

/** When a refresh was sent whose answer has not come, for whichever page comes next. */
const MARK = "millwright.refresh";
const POLL_MS = 200;
const PATIENCE_MS = 5000;

function mark(time: string | null): void {
  try {
    if (time === null) localStorage.removeItem(MARK);
    else localStorage.setItem(MARK, time);
  } catch {
    // Without storage only leaving the page in the middle of a refresh is a risk.
  }
}

function isUnanswered(): boolean {
  try {
    const age = Date.now() - Number(localStorage.getItem(MARK) ?? NaN);
    return age >= 0 && age < PATIENCE_MS;
  } catch {
    return false;
  }
}

function ended(): Renewal {
  loseSession();
  return "ended";
}
