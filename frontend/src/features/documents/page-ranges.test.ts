import { expect, it } from "vitest";
import { pageRanges } from "./page-ranges";

it("names pages as ranges", () => {
  expect(pageRanges([4])).toBe("4");
  expect(pageRanges([1, 2, 3, 7, 9, 10])).toBe("1–3, 7, 9–10");
  expect(pageRanges(Array.from({ length: 12 }, (_, index) => index * 2 + 1))).toMatch(/^1, 3, .*19, …$/);
});
