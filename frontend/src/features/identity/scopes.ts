import type { TFunction } from "i18next";
import type { Permission, Role } from "@/api/identity-types";

/** What belongs to a person in front of a screen; no key can hold it. */
const NOT_FOR_PROGRAMS: readonly Permission[] = ["profile:manage", "users:manage", "configuration:manage", "labels:approve", "budgets:manage", "sources:manage"];
/** What an administrator may give to a program whatever its role: it reads, over the whole company. */
const READS: readonly Permission[] = ["documents:read", "audit:read", "jobs:read", "metrics:read", "users:read", "configuration:read", "budgets:read"];
/** What only the role of a service account opens to its keys. */
const BY_ROLE: Record<Role, readonly Permission[]> = {
  viewer: ["chat:use", "personal_data:read", "usage:read"],
  operator: ["chat:use", "personal_data:read", "documents:write", "usage:read"],
  auditor: ["usage:read"],
  admin: ["chat:use", "personal_data:read", "documents:write", "jobs:manage", "evaluations:manage", "usage:read"],
};

/** The scopes that a key of one's own may have. */
export function ownScopes(permissions: readonly Permission[]): Permission[] {
  return permissions.filter((permission) => !NOT_FOR_PROGRAMS.includes(permission));
}

/** The scopes that a key of a service account may have. */
export function serviceScopes(role: Role): Permission[] {
  return [...BY_ROLE[role], ...READS];
}

/** The dictionary writes `chat:use` as `chat_use`: a colon has a meaning of its own there. */
type Key<P> = P extends `${infer What}:${infer How}` ? `${What}_${How}` : never;

export function scopeName(t: TFunction, scope: Permission): string {
  return t(`permissions.${scope.replace(":", "_") as Key<Permission>}`);
}
