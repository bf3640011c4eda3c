import { describe, expect, it } from "vitest";
import type { GlossaryEntry } from "@/api/gateway-types";
import { BLANK, draftOf, missing, requestOf } from "./draft";

describe("a term as it is edited", () => {
  it("is sent with one expansion a line, without what is empty", () => {
    expect(requestOf({ term: " LOTO ", expansions: "lockout tagout\n\n  Freischalten und Sichern \n", language: "any" })).toEqual({
      term: "LOTO",
      expansions: ["lockout tagout", "Freischalten und Sichern"],
      language: "any",
    });
  });

  it("says what is missing", () => {
    expect(missing(BLANK)).toEqual({ term: true, expansions: true });
    expect(missing({ term: "LOTO", expansions: " \n", language: "en" })).toEqual({ term: false, expansions: true });
    expect(missing({ term: "LOTO", expansions: "lockout tagout", language: "en" })).toEqual({ term: false, expansions: false });
    const nine = Array.from({ length: 9 }, (_, at) => `meaning ${at}`).join("\n");
    expect(missing({ term: "LOTO", expansions: nine, language: "en" }).expansions).toBe(true);
  });

  it("comes back as it was stored", () => {
    const stored = { term: "PRV", expansions: ["pressure relief valve", "relief valve"], language: "en" } as GlossaryEntry;
    expect(requestOf(draftOf(stored))).toEqual({ term: "PRV", expansions: ["pressure relief valve", "relief valve"], language: "en" });
  });
});
