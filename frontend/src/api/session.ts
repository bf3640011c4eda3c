import { Store } from "@/lib/store";
import type { Permission, User } from "./identity-types";

/** Who is signed in. The credential itself is in cookies that script cannot read; here is only what the server says of the person. */
export interface Session {
  user: User;
}

export const session = new Store<Session | null>(null);

/** What one tab tells the others: they share the cookies, so they share the session. */
type Word = "began" | "ended" | "signed-out";

let channel: BroadcastChannel | null = null;
let signedOut = false;
let endings = 0;

/** Whether the person left on purpose, so that the next one is not led to the same page. */
export function wasSignedOut(): boolean {
  return signedOut;
}

/** Takes the words of other tabs. `check` has to ask the server who is signed in now. */
export function joinTabs(check: () => void): void {
  channel = new BroadcastChannel("millwright-session");
  channel.onmessage = (event: MessageEvent<Word>) => {
    if (event.data === "signed-out") leave();
    // A tab without a session learns nothing from the end of one.
    else if (event.data === "began" || session.get() !== null) check();
  };
}

/** Taken before the server is asked who is signed in: an answer that a sign-out has overtaken is void. */
export function question(): (user: User) => void {
  const asked = endings;
  return (user) => {
    if (endings === asked) adopt(user);
  };
}

/** The reference stays the same while nothing has changed. */
function adopt(user: User): void {
  signedOut = false;
  if (JSON.stringify(session.get()?.user) !== JSON.stringify(user)) session.set({ user });
}

/** A session began or its person changed: the other tabs have to look. */
export function announceSession(): void {
  channel?.postMessage("began" satisfies Word);
}

/** The server takes the session no longer. */
export function loseSession(): void {
  if (session.get() === null) return;
  session.set(null);
  channel?.postMessage("ended" satisfies Word);
}

/** The person signed out, here. */
export function endSession(): void {
  leave();
  channel?.postMessage("signed-out" satisfies Word);
}

function leave(): void {
  endings += 1;
  signedOut = true;
  session.set(null);
}

export function may(permission: Permission): boolean {
  return session.get()?.user.permissions.includes(permission) ?? false;
}
