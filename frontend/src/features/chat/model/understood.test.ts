import { describe, expect, it } from "vitest";
import { understoodOf } from "./understood";

describe("what was understood of a question", () => {
  it("is nothing for one that was searched for as it stands", () => {
    expect(understoodOf(null)).toBeNull();
    expect(understoodOf({ follow_up: null, understood: { spelling: [], expansions: [], parts: [] } })).toBeNull();
  });

  it("is read from a step, without what has another form", () => {
    const detail = {
      follow_up: { carried: ["changed", 7] },
      understood: { spelling: [{ from: "vlave", to: "valve" }, { from: 1 }], expansions: [{ term: "LOTO", words: ["lockout tagout"] }], parts: ["a", null] },
    };
    expect(understoodOf(detail)).toEqual({
      spelling: [{ from: "vlave", to: "valve" }],
      expansions: [{ term: "LOTO", words: ["lockout tagout"] }],
      parts: ["a"],
      carried: ["changed"],
    });
  });
});
