import type { Permission, User } from "@/api/identity-types";

/** The pages of the administration, in the order in which they are shown. `key` goes there after `g`. */
export const ADMIN_PLACES = [
  { name: "users", to: "/admin/users/{-$userId}", permission: "users:read", key: "u" },
  { name: "labelRequests", to: "/admin/label-requests", permission: "documents:write", key: "l" },
  { name: "policy", to: "/admin/policy", permission: "configuration:read", key: "p" },
  { name: "personalData", to: "/admin/personal-data", permission: "configuration:read", key: "e" },
  { name: "agents", to: "/admin/agents/{-$name}", permission: "configuration:read", key: "n" },
  { name: "evaluations", to: "/admin/evaluations", permission: "evaluations:manage", key: "r" },
  { name: "mcp", to: "/admin/mcp", permission: "configuration:read", key: "v" },
  { name: "models", to: "/admin/models", permission: "configuration:read", key: "m" },
  { name: "budgets", to: "/admin/budgets", permission: "budgets:read", key: "b" },
  { name: "glossary", to: "/admin/glossary", permission: "configuration:read", key: "t" },
  { name: "sources", to: "/admin/sources", permission: "sources:manage", key: "f" },
  { name: "security", to: "/admin/security", permission: "configuration:read", key: "s" },
  { name: "jobs", to: "/admin/jobs", permission: "jobs:read", key: "j" },
  { name: "audit", to: "/admin/audit", permission: "audit:read", key: "a" },
] as const satisfies readonly { name: string; to: string; permission: Permission; key: string }[];

export const PLACES = [
  { name: "chat", to: "/chat/{-$conversationId}", permission: "chat:use", key: "c" },
  { name: "documents", to: "/documents/{-$documentId}", permission: "documents:read", key: "d" },
  { name: "goals", to: "/goals", permission: "chat:use", key: "g" },
  { name: "usage", to: "/usage", permission: "usage:read", key: "o" },
] as const satisfies readonly { name: string; to: string; permission: Permission; key: string }[];

export function allowed<T extends { permission: Permission }>(places: readonly T[], user: User | undefined): T[] {
  return places.filter((place) => user?.permissions.includes(place.permission));
}

/** Where a person begins: an auditor has no chat, and nobody comes for the figures first. Their own profile is open to everybody. */
export function firstPlace(user: User | undefined) {
  const places = allowed(PLACES, user);
  return places.find(({ name }) => name !== "usage")?.to ?? allowed(ADMIN_PLACES, user)[0]?.to ?? places[0]?.to ?? "/profile";
}
