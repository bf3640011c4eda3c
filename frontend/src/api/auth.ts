import { getJson, send, sendCredential, sendJson } from "./client";
import { BASE, exchange } from "./http";
import type { LoginResponse, LogoutResponse, StepUp, StepUpPurpose, User } from "./identity-types";
import { Problem, problemFromResponse } from "./problem";
import { refresh, renew } from "./renewal";
import { announceSession, endSession, joinTabs, question, session } from "./session";

/** The browser did not keep the session cookie: the site is not reached over HTTPS, or cookies are forbidden. */
export const INSECURE_SITE = "insecure_site";
export const COOKIE_REFUSED = "cookie_refused";

/** Finds out who is signed in, before the first page is shown. */
export async function startSession(): Promise<void> {
  joinTabs(() => void renew().catch(() => undefined));
  await renew();
}

/** The first step of signing in. Null: signed in. Otherwise the challenge that the second step has to answer. */
export function signIn(step: "login" | "set-password", body: Record<string, string>): Promise<string | null> {
  return take(step, { ...body, transport: "cookie" });
}

/** The second step, with a code of the app or a recovery code. Without a challenge it is that of an identity provider's sign-in. */
export async function showCode(challenge: string | null, code: string): Promise<void> {
  await take("login/second-factor", { ...(challenge === null ? {} : { challenge }), code });
}

async function take(step: string, body: Record<string, string>): Promise<string | null> {
  const response = await send(`/auth/${step}`, { method: "POST", body, ownCredential: true });
  const login = (await response.json()) as LoginResponse;
  if (login.status === "second_factor_required") return login.challenge ?? "";
  await takeSession();
  return null;
}

/** The server has set its cookies; whether the browser keeps them only another request can tell. */
async function takeSession(): Promise<void> {
  const answer = question();
  const me = await exchange(`${BASE}/auth/me`);
  if (me.status === 401) throw new Problem({ code: window.isSecureContext ? COOKIE_REFUSED : INSECURE_SITE });
  if (!me.ok) throw await problemFromResponse(me);
  answer((await me.json()) as User);
  announceSession();
}

/** Ends the session at the server, then here and in the other tabs. Rejects if the server cannot be told: the cookies still hold. */
export async function signOut(): Promise<void> {
  let leadsTo: string | null = null;
  try {
    leadsTo = (await sendJson<LogoutResponse>("POST", "/auth/logout", {})).redirect_to;
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
  }
  endSession();
  if (leadsTo !== null && /^https?:\/\//.test(leadsTo)) window.location.assign(leadsTo);
}

/** Reads the person again after a change to them, here and in the other tabs. */
export async function rereadUser(): Promise<void> {
  const answer = question();
  answer(await getJson<User>("/auth/me"));
  announceSession();
}

/** Gets new cookies for a session that may now do more, because the second factor was enrolled, or less. */
export async function renewSession(): Promise<void> {
  await refresh();
  announceSession();
}

/** A proof for one request, got with a code of the second factor. */
export async function stepUp(purpose: StepUpPurpose, code: string): Promise<Record<string, string>> {
  const { proof } = (await (await sendCredential("POST", "/auth/step-up", { purpose, code })).json()) as StepUp;
  return { "x-step-up-proof": proof };
}

const WATCH_MS = 30_000;
const PRESENT_MS = 10 * 60_000;

/** While somebody works at the page, asks now and then whether the session still stands, so that one that was ended elsewhere does
 *  not stay on the screen. A page that nobody touches does not ask: it must not keep a session alive for ever. */
export function watchSession(): () => void {
  let active = Date.now();
  const mark = () => {
    active = Date.now();
  };
  const look = () => {
    if (session.get() === null || document.hidden || Date.now() - active > PRESENT_MS) return;
    // Without an answer nothing is known, and the banner says so.
    void getJson<User>("/auth/me").then(question(), () => undefined);
  };
  const back = () => {
    if (document.hidden) return;
    mark();
    look();
  };
  const timer = setInterval(look, WATCH_MS);
  document.addEventListener("pointerdown", mark, { passive: true });
  document.addEventListener("keydown", mark);
  document.addEventListener("visibilitychange", back);
  return () => {
    clearInterval(timer);
    document.removeEventListener("pointerdown", mark);
    document.removeEventListener("keydown", mark);
    document.removeEventListener("visibilitychange", back);
  };
}
