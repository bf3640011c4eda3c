/** The text of a chart's axes. */
export const AXIS_TEXT = { className: "fill-ink-3 tabular-nums", fontSize: 11, fontFamily: "inherit" } as const;

/** Plain text: the library's own measures each word in a style that the content security policy forbids. */
export function AxisLabel({ x, y, formattedValue, textAnchor, dx = 0, dy = 0 }: { x: number; y: number; formattedValue?: string | undefined; textAnchor?: "start" | "middle" | "end" | "inherit" | undefined; dx?: string | number | undefined; dy?: string | number | undefined }) {
  return (
    <text x={x} y={y} dx={dx} dy={dy} textAnchor={textAnchor} className={AXIS_TEXT.className} fontSize={AXIS_TEXT.fontSize}>
      {formattedValue}
    </text>
  );
}

/** Those with a label below: as many as have room in so many pixels, each as wide as told, evenly, always the last. */
export function labelled(keys: readonly string[], room: number, each: number): string[] {
  const step = Math.max(1, Math.ceil(keys.length / Math.max(1, Math.floor(room / each))));
  return keys.filter((_, index) => (keys.length - 1 - index) % step === 0);
}
