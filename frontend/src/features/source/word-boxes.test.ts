import { describe, expect, it } from "vitest";
import { boxesOf } from "./word-boxes";

const word = (left: number, top: number, width: number) => ({ start: 0, end: 1, left, top, width, height: 10 });
const page = { number: 1, version: 1, recognized: true, width: 100, height: 200 };

describe("boxesOf", () => {
  it("joins the words of a line and keeps lines and cells apart", () => {
    const words = [word(10, 20, 20), word(32, 21, 18), word(80, 20, 10), word(10, 34, 30)];
    const boxes = boxesOf({ ...page, words });
    expect(boxes).toHaveLength(3);
    expect(boxes[0]).toEqual({ left: 0.1, top: 0.1, width: 0.4, height: 0.055 });
  });

  it("has none where places are not known", () => {
    expect(boxesOf({ ...page, width: null, height: null, words: [] })).toEqual([]);
  });
});
