import { describe, expect, it } from "vitest";
import { daysOf, spanOf } from "./period";

// Late in the evening of New York, and already the next day in UTC.
const NOW = Date.parse("2026-03-03T02:30:00Z");

describe("the time that a choice stands for", () => {
  it("ends with the day in UTC", () => {
    expect(spanOf("today", {}, NOW)).toEqual({ from: "2026-03-03T00:00:00.000Z", to: "2026-03-04T00:00:00.000Z" });
    expect(daysOf(spanOf("7d", {}, NOW))).toEqual(["2026-02-25", "2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03"]);
    expect(daysOf(spanOf("30d", {}, NOW))).toHaveLength(30);
    expect(daysOf(spanOf("month", {}, NOW))).toEqual(["2026-03-01", "2026-03-02", "2026-03-03"]);
  });

  it("takes days of one's own in either order, with the last one to its end", () => {
    const days = ["2026-02-01", "2026-02-02"];
    expect(daysOf(spanOf("own", { from: "2026-02-01", to: "2026-02-02" }, NOW))).toEqual(days);
    expect(daysOf(spanOf("own", { from: "2026-02-02", to: "2026-02-01" }, NOW))).toEqual(days);
  });

  it("is never longer than the server sums up, and never nothing", () => {
    expect(daysOf(spanOf("own", { from: "2020-01-01", to: "2026-01-01" }, NOW))).toHaveLength(400);
    expect(daysOf(spanOf("own", { from: "yesterday", to: "2026-13-45" }, NOW))).toEqual(["2026-03-03"]);
  });
});
