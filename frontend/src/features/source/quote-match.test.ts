import { describe, expect, it } from "vitest";
import { findQuote, utf16Offset } from "./quote-match";

/** The marked words, item by item. */
function marked(items: string[], quote: string): string[] {
  return findQuote(items, quote).map(({ item, start, end }) => items[item]?.slice(start, end) ?? "");
}

describe("findQuote", () => {
  it("marks exactly the quoted words", () => {
    expect(marked(["Torque the gland nuts to 25 Nm. Then run."], "gland nuts to 25 Nm")).toEqual(["gland nuts to 25 Nm"]);
  });

  it("crosses items and differing spaces", () => {
    expect(marked(["Replace the", " mechanical", "seal every 8,000 h."], "the mechanical\nseal  every")).toEqual(["the", "mechanical", "seal every"]);
  });

  it("joins words that were hyphenated at the end of a line", () => {
    expect(marked(["the lubri-", "cation interval"], "lubrication interval")).toEqual(["lubri-".slice(0, 5), "cation interval"]);
    expect(marked(["lubrication"], "lubri-\ncation")).toEqual(["lubrication"]);
  });

  it("takes ligatures, case and kinds of quotation marks as equal", () => {
    expect(marked(["Set the ﬂow to “High”"], 'FLOW to "high"')).toEqual(["ﬂow to “High”"]);
  });

  it("falls back to lines and sentences when the page has them in another order", () => {
    const items = ["Second sentence stands first.", "A header between", "First sentence stands second."];
    expect(marked(items, "First sentence stands second. Second sentence stands first.")).toEqual([items[2], items[0]]);
  });

  it("marks a table row whose cells extraction has separated with bars", () => {
    const row = ["Coupling bolts", "M10", "10.9", "49 Nm", "Coupling guard", "M8"];
    expect(marked(row, "Coupling bolts | M10 | 10.9 | 49 Nm")).toEqual(["Coupling bolts", "M10", "10.9", "49 Nm"]);
  });

  it("marks short cells only behind a piece that was found", () => {
    const page = ["M10", "Coupling bolts, long row", "Class", "M10", "49 Nm"];
    expect(marked(page, "Coupling bolts, long row | M10 | 49 Nm")).toEqual(["Coupling bolts, long row", "M10", "49 Nm"]);
    expect(marked(["M10", "M8"], "M10 | 10.9 | 49 Nm")).toEqual([]);
  });

  it("does not care how long the dots of a table of contents are", () => {
    expect(marked(["1.2 Scope", " ............ 7"], "1.2 Scope ... 7").join("")).toContain("1.2 Scope");
  });

  it("finds nothing rather than something else", () => {
    expect(marked(["Completely different words"], "the bearing temperature is 80 degrees")).toEqual([]);
    expect(marked(["anything"], "  ")).toEqual([]);
  });
});

describe("utf16Offset", () => {
  it("counts code points", () => {
    const text = "a𝄞b€c";
    expect([0, 1, 2, 3, 4, 5, 9].map((count) => utf16Offset(text, count))).toEqual([0, 1, 3, 4, 5, 6, 6]);
  });
});
