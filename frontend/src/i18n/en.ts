import type { personalData, policy, security, users } from "./en-admin";
import type { agentAdmin } from "./en-agent-admin";
import type { agentWhy } from "./en-agent-why";
import { agents } from "./en-agents";
import { chat } from "./en-chat";
import { documents, upload } from "./en-documents";
import type { glossary } from "./en-glossary";
import type { goals } from "./en-goals";
import type { asking } from "./en-asking";
import type { timeline } from "./en-runs";
import type { thinking } from "./en-thinking";
import type { memory } from "./en-memory";
import type { mcp } from "./en-mcp";
import type { evaluations } from "./en-evaluations";
import type { sources } from "./en-sources";
import { profile, secondFactor, signIn } from "./en-identity";
import { models, openai, route, runs } from "./en-models";
import type { apiKeys, permissions, sessions } from "./en-access";
import type { budgets, usage } from "./en-usage";
import { labelRequests, labels, refusals } from "./en-policy";

/** Widens the texts of a dictionary, so that another language must have the same keys but not the same words. */
export type Dictionary<T> = { [K in keyof T]: T[K] extends string ? string : Dictionary<T[K]> };

export const en = {
  ...chat,
  agents,
  documents,
  upload,
  signIn,
  profile,
  secondFactor,
  labels,
  labelRequests,
  refusals,
  models,
  route,
  runs,
  openai,
  app: {
    name: "Millwright",
    skip: "Skip to content",
    navigation: "Main navigation",
    nav: { chat: "Chat", documents: "Documents", goals: "Goals", usage: "Usage", admin: "Admin", account: "Account" },
    account: "Account of {{name}}",
    theme: "Theme",
    themes: { system: "As the system", light: "Light", dark: "Dark" },
    language: "Language",
    signOut: "Sign out",
    profile: "Profile",
    memory: "Memory",
    stillSignedIn: "You are still signed in.",
    adminNavigation: "Administration",
    adminNav: { users: "Users", labelRequests: "Label requests", policy: "Policy", personalData: "Personal data", agents: "Agents", evaluations: "Evaluations", mcp: "MCP servers", models: "Models", budgets: "Budgets", glossary: "Glossary", sources: "Watched folders", security: "Security", jobs: "Jobs", audit: "Audit log" },
    offline: "Millwright does not answer. Trying again; nothing you typed is lost.",
    notFound: "There is no such page",
    notFoundText: "The address may be mistyped, or the page has moved.",
    toStart: "Go to the start page",
  },
  common: {
    cancel: "Cancel",
    clear: "Clear",
    clearFilters: "Clear filters",
    close: "Close",
    copied: "Copied",
    copy: "Copy",
    copyNamed: "Copy {{name}}",
    delete: "Delete",
    diff: { skipped_one: "{{count}} unchanged line", skipped_other: "{{count}} unchanged lines", added: "Added:", removed: "Removed:" },
    dismiss: "Dismiss",
    download: "Download",
    more: "Load more",
    retry: "Try again",
    save: "Save",
    trace: "Trace",
  },
  roles: { viewer: "Viewer", operator: "Operator", auditor: "Auditor", admin: "Administrator" },
  userStatus: { active: "Active", invited: "Invited", disabled: "Disabled" },
  userKind: { person: "Person", service: "Service account" },
  tiers: { AUTO: "Automatic", LIGHT: "Light", STANDARD: "Standard", HEAVY: "Heavy" },
  classification: { PUBLIC: "Public", INTERNAL: "Internal", CONFIDENTIAL: "Confidential", RESTRICTED: "Restricted" },
  ages: { today: "Today", yesterday: "Yesterday", week: "Last 7 days", month: "Last 30 days", older: "Older" },
  shortcuts: {
    title: "Keyboard shortcuts",
    search: "Search on this page",
    move: "Next, previous in the list",
    open: "Open",
    close: "Close details or dialog",
    newChat: "New conversation (in Chat), new goal (in Goals)",
    chat: "Go to Chat",
    documents: "Go to Documents",
    goals: "Go to Goals",
    users: "Go to Users",
    security: "Go to Security",
    labelRequests: "Go to Label requests",
    policy: "Go to Policy",
    personalData: "Go to Personal data",
    usage: "Go to Usage",
    agents: "Go to Agents",
    models: "Go to Models",
    budgets: "Go to Budgets",
    glossary: "Go to Glossary",
    mcp: "Go to MCP servers",
    evaluations: "Go to Evaluations",
    sources: "Go to Watched folders",
    audit: "Go to Audit log",
    jobs: "Go to Jobs",
    help: "This help",
    enable: "Use single-key shortcuts",
  },
  audit: {
    title: "Audit log",
    text: "Every change, in the order in which it was sealed. Nothing here can be edited or deleted.",
    entry: "Audit entry",
    sequence: "No.",
    time: "Time",
    action: "Action",
    actor: "Actor",
    resource: "Resource",
    resourceType: "Kind of resource",
    hash: "Hash",
    id: "Entry id",
    details: "Details",
    unsealed: "not sealed yet",
    onlyThis: "Only entries with {{value}}",
    none: "Nothing has been changed yet",
    noneFound: "No entry matches the filters",
    filters_zero: "Filters",
    filters_one: "Filters ({{count}})",
    filters_other: "Filters ({{count}})",
    filter: { action: "Action", actor: "Actor id", resource_type: "Kind of resource", resource_id: "Resource id", from: "From", to: "To" },
  },
  jobs: {
    title: "Jobs",
    text: "Work in the background. What failed for good waits here for a decision.",
    statusFilter: "Filter by status",
    kind: "Kind",
    attempts: "Attempts",
    attemptsOf: "{{attempts}} of {{max}}",
    resource: "Resource",
    created: "Created",
    finished: "Finished",
    none: "No job has run yet",
    noneFound: "No job has this status",
    status: { queued: "Queued", running: "Running", succeeded: "Succeeded", dead: "Failed for good" },
  },
  problems: {
    validation_failed: "The request is not valid",
    malformed_body: "The request cannot be read",
    unauthenticated: "Sign in first",
    not_authorized: "Your role does not allow this",
    not_found: "Not found",
    conflict: "This contradicts the present state",
    invalid_transition: "Not possible in this state",
    duplicate_submission: "Already submitted",
    label_denied: "The label does not allow this",
    policy_denied: "The policy does not allow this",
    hitl_required: "Another person has to agree",
    injection_blocked: "The message looks like an injection and was blocked",
    stale_target: "It was changed in the meantime",
    budget_exceeded: "The budget is used up",
    rate_limited: "Too many requests",
    second_factor_required: "Set up your second factor first",
    step_up_required: "This needs a code of your second factor",
    csrf_rejected: "The request could not be told from a forged one",
    uri_too_long: "The address is too long",
    request_timeout: "The request took too long to arrive",
    insecure_site: "The browser refused the session cookie",
    cookie_refused: "The browser did not keep the session cookie",
    payload_too_large: "The file is too large",
    unsupported_media_type: "This format is not supported",
    document_unreadable: "The document cannot be read",
    document_encrypted: "The document is encrypted",
    document_needs_ocr: "The document has no text and needs OCR",
    document_ocr_timeout: "Recognising the text took too long",
    document_limit_exceeded: "The document exceeds its limits",
    not_configured: "Not set up on this server",
    upstream_unavailable: "A needed service is unavailable",
    limit_reached: "A limit was reached",
    check_failed: "A check was not met",
    cancelled: "Stopped",
    interrupted: "Interrupted",
    internal: "Something went wrong in Millwright",
    unreachable: "Millwright does not answer",
  },
  remedies: {
    unreachable: "Check the network connection, then try again",
    csrf_rejected: "Reload the page, then try again",
    insecure_site: "Millwright's cookies travel over HTTPS only, and this site is not reached over HTTPS. Open its address that begins with https://, or ask your administrator for it",
    cookie_refused: "Allow this site to set cookies, then sign in again",
  },
} as const;

/** The texts of all pages. Those that are not among the first come with their page. */
export type Texts = typeof en & {
  agentAdmin: typeof agentAdmin;
  agentWhy: typeof agentWhy;
  budgets: typeof budgets;
  glossary: typeof glossary;
  goals: typeof goals;
  asking: typeof asking;
  thinking: typeof thinking;
  timeline: typeof timeline;
  memory: typeof memory;
  personalData: typeof personalData;
  policy: typeof policy;
  security: typeof security;
  mcp: typeof mcp;
  evaluations: typeof evaluations;
  apiKeys: typeof apiKeys;
  permissions: typeof permissions;
  sessions: typeof sessions;
  sources: typeof sources;
  usage: typeof usage;
  users: typeof users;
};
