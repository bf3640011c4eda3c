import { describe, expect, it } from "vitest";
import { Problem } from "@/api/problem";
import type { PiiFinding, PolicySettings } from "@/api/policy-types";
import { blankCustom, customErrors, draftOf, isBesideFields, settingsOf, withMode } from "./draft";
import { pieces } from "./marks";

const found = (kind: string, start: number, end: number): PiiFinding => ({ kind, start, end, score: 1, mode: "pseudonymise" });

describe("pieces", () => {
  it("counts code points, not the halves of a pair", () => {
    const text = "😀 Anna called";
    expect(pieces(text, [found("PERSON", 2, 6)]).map((piece) => [piece.text, piece.finding?.kind])).toEqual([["😀 ", undefined], ["Anna", "PERSON"], [" called", undefined]]);
  });

  it("marks nothing twice and loses no text", () => {
    const text = "a@b.example";
    const parts = pieces(text, [found("URL", 2, 11), found("EMAIL_ADDRESS", 0, 11), found("X", 3, 3)]);
    expect(parts.map((piece) => piece.finding?.kind)).toEqual(["EMAIL_ADDRESS"]);
    expect(parts.map((piece) => piece.text).join("")).toBe(text);
    expect(pieces("", [])).toEqual([]);
  });
});

describe("the draft of the settings", () => {
  const settings = {
    personal_data: { modes: { PERSON: "block" }, custom: [{ name: "BADGE", pattern: "B\\d+", mode: "mask" }, { name: "PROJECT", words: ["Blue Heron", "Kite"], mode: "allow" }] },
    injection: { user_messages: "warn" },
    version: 3,
    types: [],
  } as unknown as PolicySettings;

  it("comes back as it was", () => {
    expect(settingsOf(draftOf(settings))).toEqual(settings.personal_data);
  });

  it("does not name a default", () => {
    const draft = draftOf(settings);
    expect(withMode(draft, "PERSON", "pseudonymise", "pseudonymise").modes).toEqual({});
    expect(withMode(draft, "AGE", "mask", "allow").modes).toEqual({ PERSON: "block", AGE: "mask" });
  });

  it("leaves empty lines out of a word list", () => {
    const custom = { ...blankCustom("words"), name: "X", words: " one \n\n two\n" };
    expect(settingsOf({ modes: {}, custom: [custom], injection: "warn" }).custom).toEqual([{ name: "X", words: ["one", "two"], mode: "pseudonymise" }]);
  });

  it("puts what the server says beside the field", () => {
    const problem = new Problem({ code: "validation_failed", fields: [{ field: "personal_data.custom[1].words[2]", message: "is empty" }, { field: "personal_data.custom[0]", message: "has neither" }] });
    expect(customErrors(problem, 1)).toEqual({ words: "is empty" });
    expect(customErrors(problem, 0)).toEqual({ whole: "has neither" });
    expect(customErrors(problem, 10)).toEqual({});
    expect(isBesideFields(problem)).toBe(true);
    expect(isBesideFields(new Problem({ code: "validation_failed" }))).toBe(false);
  });
});
