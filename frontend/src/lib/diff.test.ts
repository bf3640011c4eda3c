import { describe, expect, it } from "vitest";
import { diffFiles, diffLines, type DiffLine } from "./diff";

const SIGNS = { same: " ", removed: "-", added: "+" };
const shown = (lines: DiffLine[]) => lines.map((line) => (line.kind === "skipped" ? `…${line.count}` : SIGNS[line.kind] + line.text));

describe("diffLines", () => {
  it("finds what was removed, added and kept", () => {
    expect(shown(diffLines("a\nb\nc\n", "a\nx\nc\nd\n"))).toEqual([" a", "-b", "+x", " c", "+d"]);
    expect(shown(diffLines("", "a\n"))).toEqual(["+a"]);
    expect(shown(diffLines("a\n", ""))).toEqual(["-a"]);
    expect(shown(diffLines("a\nb\nc\nd", "b\nd"))).toEqual(["-a", " b", "-c", " d"]);
  });

  it("numbers the lines of both sides", () => {
    expect(diffLines("a\nb\nc", "a\nc")).toEqual([
      { kind: "same", text: "a", before: 1, after: 1 },
      { kind: "removed", text: "b", before: 2 },
      { kind: "same", text: "c", before: 3, after: 2 },
    ]);
  });

  it("leaves out what is far from a change", () => {
    const many = Array.from({ length: 20 }, (_, i) => String(i));
    expect(shown(diffLines(many.join("\n"), [...many, "new"].join("\n")))).toEqual(["…17", " 17", " 18", " 19", "+new"]);
  });
});

describe("diffFiles", () => {
  it("lists the files that differ, also those that came and went", () => {
    const diff = diffFiles([{ name: "a", text: "1" }, { name: "b", text: "2" }, { name: "gone", text: "3" }], [{ name: "a", text: "1" }, { name: "b", text: "4" }, { name: "new", text: "5" }]);
    expect(diff.map((file) => [file.name, shown(file.lines)])).toEqual([["b", ["-2", "+4"]], ["gone", ["-3"]], ["new", ["+5"]]]);
  });
});
