import { describe, expect, it } from "vitest";
import type { Citation } from "@/api/types";
import { disputes, parseSourceKey, sourceKey, splitCitations, withSources, withoutHalfMarker } from "./citations";

describe("splitCitations", () => {
  it("splits at markers and keeps every other character", () => {
    expect(splitCitations("Use 25 Nm [1][12]. Then [x] stop.")).toEqual([
      { kind: "text", text: "Use 25 Nm " },
      { kind: "citation", number: 1 },
      { kind: "citation", number: 12 },
      { kind: "text", text: ". Then [x] stop." },
    ]);
  });

  it("leaves text without markers alone", () => {
    expect(splitCitations("none [1234] here")).toEqual([{ kind: "text", text: "none [1234] here" }]);
    expect(splitCitations("")).toEqual([]);
  });
});

it("holds back half a marker only", () => {
  expect(withoutHalfMarker("done [")).toBe("done ");
  expect(withoutHalfMarker("done [12")).toBe("done ");
  expect(withoutHalfMarker("done [12]")).toBe("done [12]");
});

it("copies the sources that the text names, and no other", () => {
  const citation = (number: number) => ({ number, document_name: `d${number}` }) as Citation;
  expect(withSources("A [2].", [citation(1), citation(2)], (source) => source.document_name)).toBe("A [2].\n\n[2] d2");
  expect(withSources("A.", [citation(1)], (source) => source.document_name)).toBe("A.");
});

it("names each pair of citations that contradict each other once", () => {
  const citation = (number: number, disputed_by?: number[]) => ({ number, disputed_by }) as Citation;
  const [first, second, third] = [citation(1, [3]), citation(2), citation(3, [1])];
  expect(disputes([first, second, third])).toEqual([[first, third]]);
});

it("writes and reads the address of a source", () => {
  expect(parseSourceKey(sourceKey("msg_0a", 3))).toEqual({ messageId: "msg_0a", number: 3 });
  expect(parseSourceKey("nonsense")).toBeNull();
});
