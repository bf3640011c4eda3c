import { describe, expect, it } from "vitest";
import { citedSentences } from "./sentences";

describe("sentences that can be remembered", () => {
  it("are those that end in a marker", () => {
    const content = "Grease the bearing every 500 h. [1] Use 12 g. [1][2]\n\nThis is so:\n\n1. Stop the pump [3].\n2. Wait.";
    expect(citedSentences(content)).toEqual(["Grease the bearing every 500 h.", "Use 12 g.", "Stop the pump."]);
  });

  it("go on after a marker in their middle", () => {
    expect(citedSentences("It opens at 3 bar [1], and closes at 2 bar [2].")).toEqual(["It opens at 3 bar, and closes at 2 bar."]);
    expect(citedSentences("Set [A] to 5 and x[12] to 6 [1].")).toEqual(["Set [A] to 5 and x to 6."]);
  });

  it("are named once, and never empty", () => {
    expect(citedSentences("Oil it. [1] Oil it. [2] [3]")).toEqual(["Oil it."]);
    expect(citedSentences("Nothing is cited here.")).toEqual([]);
  });
});
