/** `1–3, 7`: at most ten ranges, then an ellipsis. */
export function pageRanges(pages: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const page of pages) {
    const last = ranges.at(-1);
    if (last !== undefined && page === last[1] + 1) last[1] = page;
    else ranges.push([page, page]);
  }
  const named = ranges.slice(0, 10).map(([first, last]) => (first === last ? String(first) : `${first}–${last}`));
  return named.join(", ") + (ranges.length > 10 ? ", …" : "");
}
