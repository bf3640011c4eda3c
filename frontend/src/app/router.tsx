import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { session } from "@/api/session";
import { ErrorPage, NotFoundPage, PageSkeleton } from "./fallbacks";
import { Shell } from "./Shell";

type RawSearch = Record<string, unknown>;

/** A search parameter as text; absent when empty, so that links stay short. */
function text(search: RawSearch, name: string): string | undefined {
  const value = search[name];
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function count(search: RawSearch, name: string): number | undefined {
  const value = Number(search[name]);
  return Number.isSafeInteger(value) && value >= 0 && search[name] !== "" ? value : undefined;
}

function oneOf<T extends string>(search: RawSearch, name: string, allowed: readonly T[]): T | undefined {
  return allowed.find((value) => value === search[name]);
}

interface SignInSearch {
  return?: string | undefined;
}

interface ChatSearch {
  source?: string | undefined;
  find?: string | undefined;
}

export const DOCUMENT_STATUSES = ["queued", "processing", "ready", "failed"] as const;
export const DOCUMENT_TABS = ["versions", "passages", "text"] as const;

interface DocumentsSearch {
  q?: string | undefined;
  status?: (typeof DOCUMENT_STATUSES)[number] | undefined;
  tab?: (typeof DOCUMENT_TABS)[number] | undefined;
  version?: number | undefined;
  page?: number | undefined;
  start?: number | undefined;
  end?: number | undefined;
}

export interface AuditSearch {
  actor?: string | undefined;
  action?: string | undefined;
  resource_type?: string | undefined;
  resource_id?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  entry?: string | undefined;
}

export const JOB_STATUSES = ["queued", "running", "succeeded", "dead"] as const;

interface JobsSearch {
  status?: (typeof JOB_STATUSES)[number] | undefined;
}

const root = createRootRoute({ notFoundComponent: NotFoundPage, errorComponent: ErrorPage });

/** Only a path of this site: a link must not lead a person who signs in to another host. */
export function safeReturn(value: string | undefined): string {
  return value !== undefined && /^\/(?![/\\])/.test(value) ? value : "/chat";
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: RawSearch): SignInSearch => ({ return: text(search, "return") }),
  beforeLoad: ({ search }) => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
    if (session.get() !== null) throw redirect({ href: safeReturn(search.return), replace: true });
  },
  component: lazyRouteComponent(() => import("@/features/auth/SignInPage"), "SignInPage"),
});

const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  beforeLoad: ({ location }) => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
    if (session.get() === null) throw redirect({ to: "/sign-in", search: { return: location.href }, replace: true });
  },
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => app,
  path: "/",
  beforeLoad: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
    throw redirect({ to: "/chat/{-$conversationId}", replace: true });
  },
});

const chat = createRoute({
  getParentRoute: () => app,
  path: "/chat/{-$conversationId}",
  validateSearch: (search: RawSearch): ChatSearch => ({ source: text(search, "source"), find: text(search, "find") }),
  component: lazyRouteComponent(() => import("@/features/chat/ChatPage"), "ChatPage"),
});

const documents = createRoute({
  getParentRoute: () => app,
  path: "/documents/{-$documentId}",
  validateSearch: (search: RawSearch): DocumentsSearch => ({
    q: text(search, "q"),
    status: oneOf(search, "status", DOCUMENT_STATUSES),
    tab: oneOf(search, "tab", DOCUMENT_TABS),
    version: count(search, "version"),
    page: count(search, "page"),
    start: count(search, "start"),
    end: count(search, "end"),
  }),
  component: lazyRouteComponent(() => import("@/features/documents/DocumentsPage"), "DocumentsPage"),
});

function requireAdmin() {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
  if (session.get()?.user.role !== "admin") throw redirect({ to: "/chat/{-$conversationId}", replace: true });
}

const audit = createRoute({
  getParentRoute: () => app,
  path: "/admin/audit",
  beforeLoad: requireAdmin,
  validateSearch: (search: RawSearch): AuditSearch => ({
    actor: text(search, "actor"),
    action: text(search, "action"),
    resource_type: text(search, "resource_type"),
    resource_id: text(search, "resource_id"),
    from: text(search, "from"),
    to: text(search, "to"),
    entry: text(search, "entry"),
  }),
  component: lazyRouteComponent(() => import("@/features/admin/AuditPage"), "AuditPage"),
});

const jobs = createRoute({
  getParentRoute: () => app,
  path: "/admin/jobs",
  beforeLoad: requireAdmin,
  validateSearch: (search: RawSearch): JobsSearch => ({ status: oneOf(search, "status", JOB_STATUSES) }),
  component: lazyRouteComponent(() => import("@/features/admin/JobsPage"), "JobsPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([signIn, app.addChildren([home, chat, documents, audit, jobs])]),
  defaultPreload: "intent",
  defaultPendingComponent: PageSkeleton,
  defaultErrorComponent: ErrorPage,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

