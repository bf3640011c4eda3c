import { describe, expect, it } from "vitest";
import type { Permission } from "@/api/identity-types";
import { ownScopes, serviceScopes } from "./scopes";

describe("what a key may be given", () => {
  it("is a part of what the person may do, without what belongs to a person in front of a screen", () => {
    expect(ownScopes(["documents:read", "chat:use", "profile:manage"])).toEqual(["documents:read", "chat:use"]);
    expect(ownScopes(["users:read", "users:manage", "configuration:read", "configuration:manage"])).toEqual(["users:read", "configuration:read"]);
  });

  it("is for a service account what its role opens, and reading over the whole company", () => {
    const only = (scopes: Permission[]) => scopes.filter((scope) => !scope.endsWith(":read"));
    expect(only(serviceScopes("viewer"))).toEqual(["chat:use"]);
    expect(only(serviceScopes("operator"))).toEqual(["chat:use", "documents:write"]);
    expect(only(serviceScopes("auditor"))).toEqual([]);
    expect(serviceScopes("auditor")).toContain("audit:read");
    expect(only(serviceScopes("admin"))).not.toContain("users:manage");
  });
});
