import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { ROLES, USER_KINDS, USER_STATUSES } from "@/api/identity-types";
import { session } from "@/api/session";
import { LABEL_REQUEST_STATUSES } from "@/api/types";
import { ErrorPage, NotFoundPage, PageSkeleton } from "./fallbacks";
import { leaveIfSignedIn, requireSession, requires } from "./guards";
import { ADMIN_PLACES, allowed, firstPlace } from "./places";
import { JOB_STATUSES, agentsSearch, auditSearch, documentsSearch, memorySearch, oneOf, policySearch, safeReturn, signInSearch, text, usageSearch } from "./search";
import type { ChatSearch, EvaluationSearch, GoalSearch, JobsSearch, LabelRequestsSearch, RawSearch, UsersSearch } from "./search";
import { Shell } from "./Shell";

const root = createRootRoute({ notFoundComponent: NotFoundPage, errorComponent: ErrorPage });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: signInSearch,
  beforeLoad: leaveIfSignedIn,
  component: lazyRouteComponent(() => import("@/features/auth/SignInPage"), "SignInPage"),
});

/** After an identity provider's sign-in; after a password the sign-in page itself asks for the code. */
const secondFactor = createRoute({
  getParentRoute: () => root,
  path: "/sign-in/second-factor",
  validateSearch: signInSearch,
  beforeLoad: leaveIfSignedIn,
  component: lazyRouteComponent(() => import("@/features/auth/SecondFactorPage"), "SecondFactorPage"),
});

const setPassword = createRoute({
  getParentRoute: () => root,
  path: "/set-password",
  component: lazyRouteComponent(() => import("@/features/auth/SetPasswordPage"), "SetPasswordPage"),
});

/** The only page of a person who must enrol the second factor first. */
const enrol = createRoute({
  getParentRoute: () => root,
  path: "/second-factor",
  validateSearch: signInSearch,
  beforeLoad: ({ search, cause }) => {
    const current = session.get();
    // Once here, the person stays until they have kept the recovery codes, and leaves with a press of a button.
    if (current !== null && (current.user.restricted || cause === "stay")) return;
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
    throw redirect({ href: safeReturn(search.return), replace: true });
  },
  component: lazyRouteComponent(() => import("@/features/auth/EnrolPage"), "EnrolPage"),
});

const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  beforeLoad: requireSession,
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => app,
  path: "/",
  beforeLoad: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
    throw redirect({ to: firstPlace(session.get()?.user), replace: true });
  },
});

const profile = createRoute({
  getParentRoute: () => app,
  path: "/profile",
  component: lazyRouteComponent(() => import("@/features/profile/ProfilePage"), "ProfilePage"),
});

const chat = createRoute({
  getParentRoute: () => app,
  path: "/chat/{-$conversationId}",
  beforeLoad: requires("chat:use"),
  validateSearch: (search: RawSearch): ChatSearch => ({ source: text(search, "source"), find: text(search, "find") }),
  component: lazyRouteComponent(() => import("@/features/chat/ChatPage"), "ChatPage"),
});

const documents = createRoute({
  getParentRoute: () => app,
  path: "/documents/{-$documentId}",
  beforeLoad: requires("documents:read"),
  validateSearch: documentsSearch,
  component: lazyRouteComponent(() => import("@/features/documents/DocumentsPage"), "DocumentsPage"),
});

const goals = createRoute({
  getParentRoute: () => app,
  path: "/goals",
  beforeLoad: requires("chat:use"),
  component: lazyRouteComponent(() => import("@/features/goals/GoalsPage"), "GoalsPage"),
});

const newGoal = createRoute({
  getParentRoute: () => app,
  path: "/goals/new",
  beforeLoad: requires("chat:use"),
  component: lazyRouteComponent(() => import("@/features/goals/NewGoalPage"), "NewGoalPage"),
});

const goal = createRoute({
  getParentRoute: () => app,
  path: "/goals/$goalId",
  beforeLoad: requires("chat:use"),
  validateSearch: (search: RawSearch): GoalSearch => ({ step: text(search, "step"), source: text(search, "source") }),
  component: lazyRouteComponent(() => import("@/features/goals/GoalPage"), "GoalPage"),
});

const memory = createRoute({
  getParentRoute: () => app,
  path: "/memory",
  beforeLoad: requires("chat:use"),
  validateSearch: memorySearch,
  component: lazyRouteComponent(() => import("@/features/memory/MemoryPage"), "MemoryPage"),
});

const usage = createRoute({
  getParentRoute: () => app,
  path: "/usage",
  beforeLoad: requires("usage:read"),
  validateSearch: usageSearch,
  component: lazyRouteComponent(() => import("@/features/usage/UsagePage"), "UsagePage"),
});

const run = createRoute({
  getParentRoute: () => app,
  path: "/runs/$runId",
  beforeLoad: requires("chat:use"),
  component: lazyRouteComponent(() => import("@/features/runs/RunPage"), "RunPage"),
});

const admin = createRoute({
  getParentRoute: () => app,
  path: "/admin",
  component: lazyRouteComponent(() => import("@/features/admin/AdminLayout"), "AdminLayout"),
});

const adminHome = createRoute({
  getParentRoute: () => admin,
  path: "/",
  beforeLoad: () => {
    const { user } = session.get() ?? {};
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
    throw redirect({ to: allowed(ADMIN_PLACES, user)[0]?.to ?? firstPlace(user), replace: true });
  },
});

const users = createRoute({
  getParentRoute: () => admin,
  path: "/users/{-$userId}",
  beforeLoad: requires("users:read"),
  validateSearch: (search: RawSearch): UsersSearch => ({
    q: text(search, "q"),
    role: oneOf(search, "role", ROLES),
    status: oneOf(search, "status", USER_STATUSES),
    kind: oneOf(search, "kind", USER_KINDS),
  }),
  component: lazyRouteComponent(() => import("@/features/admin/users/UsersPage"), "UsersPage"),
});

const security = createRoute({
  getParentRoute: () => admin,
  path: "/security",
  beforeLoad: requires("configuration:read"),
  component: lazyRouteComponent(() => import("@/features/admin/SecurityPage"), "SecurityPage"),
});

const labelRequests = createRoute({
  getParentRoute: () => admin,
  path: "/label-requests",
  beforeLoad: requires("documents:write"),
  validateSearch: (search: RawSearch): LabelRequestsSearch => ({ status: oneOf(search, "status", LABEL_REQUEST_STATUSES) }),
  component: lazyRouteComponent(() => import("@/features/admin/LabelRequestsPage"), "LabelRequestsPage"),
});

const policy = createRoute({
  getParentRoute: () => admin,
  path: "/policy",
  beforeLoad: requires("configuration:read"),
  validateSearch: policySearch,
  component: lazyRouteComponent(() => import("@/features/admin/policy/PolicyPage"), "PolicyPage"),
});

const agents = createRoute({
  getParentRoute: () => admin,
  path: "/agents/{-$name}",
  beforeLoad: requires("configuration:read"),
  validateSearch: agentsSearch,
  component: lazyRouteComponent(() => import("@/features/admin/agents/AgentsPage"), "AgentsPage"),
});

const personalData = createRoute({
  getParentRoute: () => admin,
  path: "/personal-data",
  beforeLoad: requires("configuration:read"),
  component: lazyRouteComponent(() => import("@/features/admin/personal-data/PersonalDataPage"), "PersonalDataPage"),
});

const models = createRoute({
  getParentRoute: () => admin,
  path: "/models",
  beforeLoad: requires("configuration:read"),
  component: lazyRouteComponent(() => import("@/features/admin/models/ModelsPage"), "ModelsPage"),
});

const budgets = createRoute({
  getParentRoute: () => admin,
  path: "/budgets",
  beforeLoad: requires("budgets:read"),
  component: lazyRouteComponent(() => import("@/features/admin/budgets/BudgetsPage"), "BudgetsPage"),
});

const glossary = createRoute({
  getParentRoute: () => admin,
  path: "/glossary",
  beforeLoad: requires("configuration:read"),
  validateSearch: (search: RawSearch): { q?: string | undefined } => ({ q: text(search, "q") }),
  component: lazyRouteComponent(() => import("@/features/admin/glossary/GlossaryPage"), "GlossaryPage"),
});

const sources = createRoute({
  getParentRoute: () => admin,
  path: "/sources",
  beforeLoad: requires("sources:manage"),
  component: lazyRouteComponent(() => import("@/features/admin/sources/SourcesPage"), "SourcesPage"),
});

const mcp = createRoute({
  getParentRoute: () => admin,
  path: "/mcp",
  beforeLoad: requires("configuration:read"),
  component: lazyRouteComponent(() => import("@/features/admin/mcp/McpServersPage"), "McpServersPage"),
});

const evaluations = createRoute({
  getParentRoute: () => admin,
  path: "/evaluations",
  beforeLoad: requires("evaluations:manage"),
  component: lazyRouteComponent(() => import("@/features/admin/evaluations/EvaluationsPage"), "EvaluationsPage"),
});

const evaluationSuite = createRoute({
  getParentRoute: () => admin,
  path: "/evaluations/suites/$suiteId",
  beforeLoad: requires("evaluations:manage"),
  component: lazyRouteComponent(() => import("@/features/admin/evaluations/SuitePage"), "SuitePage"),
});

const evaluation = createRoute({
  getParentRoute: () => admin,
  path: "/evaluations/$evaluationId",
  beforeLoad: requires("evaluations:manage"),
  validateSearch: (search: RawSearch): EvaluationSearch => ({ with: text(search, "with"), case: text(search, "case"), only: oneOf(search, "only", ["wrong"]) }),
  component: lazyRouteComponent(() => import("@/features/admin/evaluations/EvaluationPage"), "EvaluationPage"),
});

const audit = createRoute({
  getParentRoute: () => admin,
  path: "/audit",
  beforeLoad: requires("audit:read"),
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import("@/features/admin/AuditPage"), "AuditPage"),
});

const jobs = createRoute({
  getParentRoute: () => admin,
  path: "/jobs",
  beforeLoad: requires("jobs:read"),
  validateSearch: (search: RawSearch): JobsSearch => ({ status: oneOf(search, "status", JOB_STATUSES) }),
  component: lazyRouteComponent(() => import("@/features/admin/JobsPage"), "JobsPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    secondFactor,
    setPassword,
    enrol,
    app.addChildren([
      home,
      chat,
      documents,
      goals,
      newGoal,
      goal,
      memory,
      usage,
      run,
      profile,
      admin.addChildren([adminHome, users, labelRequests, policy, personalData, agents, evaluations, evaluationSuite, evaluation, mcp, models, budgets, glossary, sources, security, jobs, audit]),
    ]),
  ]),
  defaultPreload: "intent",
  defaultPendingComponent: PageSkeleton,
  defaultErrorComponent: ErrorPage,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

