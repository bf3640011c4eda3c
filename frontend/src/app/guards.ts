import { redirect } from "@tanstack/react-router";
import type { Permission } from "@/api/identity-types";
import { may, session, wasSignedOut } from "@/api/session";
import { firstPlace } from "./places";
import { safeReturn, type SignInSearch } from "./search";

export function leaveIfSignedIn({ search }: { search: SignInSearch }) {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
  if (session.get() !== null) throw redirect({ href: safeReturn(search.return), replace: true });
}

/** Who is not signed in signs in first, and comes back. */
export function requireSession({ location }: { location: { href: string } }) {
  const current = session.get();
  // Who left on purpose makes room for somebody else, who begins anew.
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
  if (current === null) throw redirect({ to: "/sign-in", search: wasSignedOut() || location.href === "/" ? {} : { return: location.href }, replace: true });
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
  if (current.user.restricted) throw redirect({ to: "/second-factor", search: { return: location.href }, replace: true });
}

/** A page that the person may not use leads to where they begin. */
export function requires(permission: Permission) {
  return () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
    if (!may(permission)) throw redirect({ to: firstPlace(session.get()?.user), replace: true });
  };
}
