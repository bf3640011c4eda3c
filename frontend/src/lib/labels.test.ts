import { describe, expect, it } from "vitest";
import type { Label } from "@/api/types";
import { risesTo, sameLabel, wordsOf, wrongGroup, wrongRegime } from "./labels";

const label = (fields: Partial<Label> = {}): Label => ({ classification: "INTERNAL", export_control: [], integrity: "untrusted", groups: [], ...fields });

describe("labels", () => {
  it("reads lists as people type them", () => {
    expect(wordsOf(" ITAR, EAR:3A001,,ITAR\nEAR:EAR99 ")).toEqual(["EAR:3A001", "EAR:EAR99", "ITAR"]);
    expect(wordsOf(" , ")).toEqual([]);
  });

  it("knows the forms that the server takes", () => {
    expect(wrongRegime(["ITAR", "EAR:EAR99", "EAR:9E003.a.1"])).toBeUndefined();
    for (const word of ["itar", "EAR", "EAR:", "EAR:3X001", "EAR:3A01", "ITAR:II"]) expect(wrongRegime([word])).toBe(word);
    expect(wrongRegime(["EAR"], true)).toBeUndefined();
    expect(wrongGroup(["hr", "plant-north.maintenance"])).toBeUndefined();
    expect(wrongGroup(["HR"])).toBe("HR");
  });

  it("rises only where no part falls", () => {
    expect(risesTo(label(), label({ classification: "RESTRICTED", groups: ["hr"] }))).toBe(true);
    expect(risesTo(label({ integrity: "trusted" }), label())).toBe(true);
    expect(risesTo(label(), label({ integrity: "trusted" }))).toBe(false);
    expect(risesTo(label({ export_control: ["ITAR"] }), label({ classification: "RESTRICTED" }))).toBe(false);
    expect(risesTo(label({ classification: "RESTRICTED" }), label({ groups: ["hr"] }))).toBe(false);
    expect(sameLabel(label({ groups: ["a", "b"] }), label({ groups: ["b", "a"] }))).toBe(true);
    expect(sameLabel(label(), label({ groups: ["a"] }))).toBe(false);
  });
});
