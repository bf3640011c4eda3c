import type { PageWords } from "@/api/types";

/** A rectangle as shares of the page's width and height. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The boxes of words, those that stand beside each other on a line made one. */
export function boxesOf(words: PageWords): Box[] {
  const { width, height } = words;
  if (width === null || height === null || width <= 0 || height <= 0) return [];
  const lines: Box[] = [];
  for (const word of words.words) {
    const last = lines.at(-1);
    if (last !== undefined && follows(last, word)) {
      const [right, bottom] = [Math.max(last.left + last.width, word.left + word.width), Math.max(last.top + last.height, word.top + word.height)];
      last.top = Math.min(last.top, word.top);
      [last.width, last.height] = [right - last.left, bottom - last.top];
    } else {
      lines.push({ left: word.left, top: word.top, width: word.width, height: word.height });
    }
  }
  return lines.map((line) => ({ left: line.left / width, top: line.top / height, width: line.width / width, height: line.height / height }));
}

/** On the same line, and no further on than a space is wide: the cells of a table stay apart. */
function follows(last: Box, word: Box): boolean {
  const overlap = Math.min(last.top + last.height, word.top + word.height) - Math.max(last.top, word.top);
  const gap = word.left - (last.left + last.width);
  return overlap > Math.min(last.height, word.height) / 2 && gap < word.height && gap > -word.height;
}

/** Lays a mark over each box. Returns how many there are. */
export function drawBoxes(page: HTMLElement, boxes: Box[]): number {
  const layer = document.createElement("div");
  layer.className = "wordBoxes";
  for (const box of boxes) {
    const mark = document.createElement("mark");
    for (const side of ["left", "top", "width", "height"] as const) mark.style[side] = `${(box[side] * 100).toFixed(3)}%`;
    layer.append(mark);
  }
  page.append(layer);
  return boxes.length;
}
