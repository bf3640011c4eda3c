import { describe, expect, it } from "vitest";
import type { Budget } from "@/api/gateway-types";
import { BLANK, draftOf, missing, requestOf } from "./draft";

describe("a budget as it is edited", () => {
  it("is sent in millionths of the currency, or in tokens", () => {
    expect(requestOf({ ...BLANK, name: " All ", limit: "250.5" })).toEqual({ name: "All", subject_kind: "tenant", period: "month", unit: "money", limit: 250_500_000 });
    expect(requestOf({ ...BLANK, kind: "user", unit: "tokens", period: "day", limit: "200000" })).toEqual({ name: "", subject_kind: "user", period: "day", unit: "tokens", limit: 200_000 });
  });

  it("names one in particular only where the kind has several", () => {
    expect(requestOf({ ...BLANK, kind: "agent", each: false, subject: " answers " })).toMatchObject({ subject_kind: "agent", subject_id: "answers" });
    expect(requestOf({ ...BLANK, kind: "tenant", each: false, subject: "usr_1" })).not.toHaveProperty("subject_id");
    expect(requestOf({ ...BLANK, kind: "user", each: true, subject: "usr_1" })).not.toHaveProperty("subject_id");
  });

  it("says what is missing", () => {
    expect(missing({ ...BLANK, limit: "0" })).toEqual({ subject: false, limit: false });
    expect(missing({ ...BLANK, kind: "user", each: false, limit: "-1" })).toEqual({ subject: true, limit: true });
    expect(missing({ ...BLANK, unit: "tokens", limit: "1.5" }).limit).toBe(true);
  });

  it("comes back as it was stored", () => {
    const stored = { name: "Ada", subject_kind: "user", subject_id: "usr_1", period: "day", unit: "money", limit: 1_500_000 } as Budget;
    expect(requestOf(draftOf(stored))).toEqual({ name: "Ada", subject_kind: "user", subject_id: "usr_1", period: "day", unit: "money", limit: 1_500_000 });
  });
});
