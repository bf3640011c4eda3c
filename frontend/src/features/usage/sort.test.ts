import { describe, expect, it } from "vitest";
import type { UsageTotals } from "@/api/gateway-types";
import { everyDay, sortedBy } from "./sort";

const item = (key: string, cost_micros: number, name: string | null = null) => ({ key, name, cost_micros, calls: 1 }) as UsageTotals;
const keys = (items: UsageTotals[]) => items.map(({ key }) => key);

describe("the order of a breakdown", () => {
  const items = [item("usr_2", 5, "Zoe"), item("usr_1", 9, "Max"), item("usr_3", 5, "Ada")];

  it("is that of the column, and among equals that of the names", () => {
    expect(keys(sortedBy(items, "cost_micros", true))).toEqual(["usr_1", "usr_3", "usr_2"]);
    expect(keys(sortedBy(items, "cost_micros", false))).toEqual(["usr_3", "usr_2", "usr_1"]);
    expect(keys(sortedBy(items, "key", false))).toEqual(["usr_3", "usr_1", "usr_2"]);
    expect(keys(sortedBy(items, "key", true))).toEqual(["usr_2", "usr_1", "usr_3"]);
  });
});

describe("the days of a chart", () => {
  it("are all there, also those without a call", () => {
    const days = everyDay([item("2026-03-02", 7)], ["2026-03-01", "2026-03-02", "2026-03-03"]);
    expect(days.map(({ key, cost_micros }) => [key, cost_micros])).toEqual([["2026-03-01", 0], ["2026-03-02", 7], ["2026-03-03", 0]]);
  });
});
