import { describe, expect, it } from "vitest";
import type { Permission, User } from "@/api/identity-types";
import { ADMIN_PLACES, PLACES, allowed, firstPlace } from "./places";

const may = (...permissions: Permission[]) => ({ permissions }) as User;
const names = (user: User) => [...allowed(PLACES, user), ...allowed(ADMIN_PLACES, user)].map(({ name }) => name);

describe("where a person may go", () => {
  it("follows the permissions, whatever the role is called", () => {
    expect(names(may("documents:read", "chat:use", "profile:manage"))).toEqual(["chat", "documents", "goals"]);
    expect(names(may("audit:read", "jobs:read", "users:read", "configuration:read"))).toEqual(["users", "policy", "personalData", "agents", "mcp", "models", "glossary", "security", "jobs", "audit"]);
    expect(names(may("documents:read", "audit:read"))).toEqual(["documents", "audit"]);
  });

  it("begins at the first of these places, and at the profile where there is none", () => {
    expect(firstPlace(may("chat:use", "users:read"))).toBe("/chat/{-$conversationId}");
    expect(firstPlace(may("audit:read", "profile:manage"))).toBe("/admin/audit");
    expect(firstPlace(may("usage:read", "audit:read"))).toBe("/admin/audit");
    expect(firstPlace(may("usage:read", "profile:manage"))).toBe("/usage");
    expect(firstPlace(may("profile:manage"))).toBe("/profile");
  });

  it("has another key for each", () => {
    const keys = [...PLACES, ...ADMIN_PLACES].map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
