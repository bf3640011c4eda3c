import { Store } from "@/lib/store";
import type { LoginResponse, User } from "./types";

/** Who is signed in, and the bearer token.
 *
 *  The token lives in sessionStorage: gone with the tab, not shared between tabs, but readable by script. The content security
 *  policy allows no foreign script. The next release moves the credential into an httpOnly cookie. */
export interface Session {
  token: string;
  expiresAt: number;
  user: User;
}

const KEY = "millwright.session";

function read(): Session | null {
  try {
    const text = sessionStorage.getItem(KEY);
    if (text === null) return null;
    const value = JSON.parse(text) as Session;
    return value.expiresAt > Date.now() ? value : null;
  } catch {
    return null;
  }
}

function write(value: Session | null): void {
  try {
    if (value === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify(value));
  } catch {
    // Without storage the session lasts until the page is left.
  }
}

export const session = new Store<Session | null>(read());
session.subscribe(() => write(session.get()));

export function startSession(response: LoginResponse): void {
  session.set({ token: response.access_token, expiresAt: Date.now() + response.expires_in * 1000, user: response.user });
}

export function endSession(): void {
  session.set(null);
}
