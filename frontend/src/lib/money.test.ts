import { describe, expect, it } from "vitest";
import { amountOf, amountText, formatMoney, formatUntil } from "./money";

// The language of a test is English, and a no-break space may stand between the parts.
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

describe("amounts of money", () => {
  it("keep the digits that tell them from nothing", () => {
    expect(plain(formatMoney(12_500_000, "EUR"))).toBe("€12.50");
    expect(plain(formatMoney(4_200, "EUR"))).toBe("€0.0042");
    expect(plain(formatMoney(1, "EUR"))).toBe("€0.000001");
    expect(plain(formatMoney(0, "EUR"))).toBe("€0.00");
  });

  it("stand alone while the currency is not known", () => {
    expect(formatMoney(2_000_000, "")).toBe("2.00");
  });

  it("are read to the millionth, and what is no amount is not read", () => {
    expect(amountOf("12.50", "money")).toBe(12_500_000);
    expect(amountOf("0.1", "money")).toBe(100_000);
    expect(amountOf("0.000001", "money")).toBe(1);
    expect(amountOf("2000000", "tokens")).toBe(2_000_000);
    for (const text of ["", " ", "-1", "x", "1e30", "Infinity"]) expect(amountOf(text, "money")).toBeNull();
    expect(amountOf("1.5", "tokens")).toBeNull();
  });

  it("come back as they were typed", () => {
    for (const text of ["0", "0.1", "12.5", "999999.99"]) expect(amountText(amountOf(text, "money") ?? -1, "money")).toBe(text);
  });
});

describe("the time until a budget begins anew", () => {
  it("is told in the largest unit that fits", () => {
    const now = Date.parse("2026-03-03T10:00:00Z");
    expect(formatUntil("2026-03-03T10:00:20Z", now)).toBe("in 1 minute");
    expect(formatUntil("2026-03-03T13:10:00Z", now)).toBe("in 3 hours");
    expect(formatUntil("2026-04-01T00:00:00Z", now)).toBe("in 29 days");
    expect(formatUntil("2026-03-01T00:00:00Z", now)).toBe("in 1 minute");
  });
});
