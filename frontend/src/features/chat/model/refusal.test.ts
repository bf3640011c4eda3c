import { describe, expect, it } from "vitest";
import { problemOfMessage } from "./refusal";

describe("problemOfMessage", () => {
  it("tells the reason from what would make it allowed", () => {
    const problem = problemOfMessage({ error: { code: "label_denied", detail: "the passage is RESTRICTED; ask an admin; or leave it out" } });
    expect([problem.code, problem.message, problem.remedy]).toEqual(["label_denied", "the passage is RESTRICTED", "ask an admin; or leave it out"]);
  });

  it("takes a detail without a remedy as it is, and no error as one of ours", () => {
    expect(problemOfMessage({ error: { code: "policy_denied", detail: "the policy forbids it" } })).toMatchObject({ message: "the policy forbids it", remedy: null });
    expect(problemOfMessage({ error: null }).code).toBe("internal");
  });
});
