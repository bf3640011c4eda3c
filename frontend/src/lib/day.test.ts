import { describe, expect, it } from "vitest";
import { dayOf, endOfDay, lastDayOf, startOfDay } from "./day";

describe("days", () => {
  it("begin and end at local midnight, also where clocks change", () => {
    for (const day of ["2026-03-01", "2026-03-29", "2026-10-25", "2026-12-31"]) {
      expect(dayOf(startOfDay(day) ?? "")).toBe(day);
      expect(lastDayOf(endOfDay(day) ?? "")).toBe(day);
    }
    expect(endOfDay("2026-02-28")).toBe(startOfDay("2026-03-01"));
  });

  it("are nothing else than days", () => {
    for (const wrong of ["", "2026-3-1", "tomorrow", "0026-01-01"]) expect(startOfDay(wrong)).toBeNull();
  });
});
