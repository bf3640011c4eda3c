import { useEffect, useMemo, useRef, type CSSProperties } from "react";
import { cx } from "@/lib/cx";

/** A line that is gone to; a new object each time, so that the same line can be gone to twice. */
export interface Spot {
  line: number | null;
}

interface CodeAreaProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  readOnly?: boolean;
  /** Lines that something is wrong with, from 1. */
  wrong?: readonly (number | null)[];
  /** The whole of it is wrong. */
  invalid?: boolean;
  /** What says so. */
  describedBy?: string;
  /** Where to go now. */
  spot?: Spot | null;
  testId?: string;
  /** Gives it its height. */
  className: string;
}

/** Of a line of the text, in pixels. */
const LINE_PX = 20;
/** Lines that stay in view above the one that is gone to. */
const ABOVE = 3;
const LEAST_DIGITS = 2;

/** Plain text in a fixed-width face, with the numbers of its lines; those with something wrong stand out. */
export function CodeArea({ label, value, onChange, readOnly = false, wrong = [], invalid = false, describedBy, spot = null, testId, className }: CodeAreaProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const count = useMemo(() => value.split("\n").length, [value]);
  const digits = Math.max(LEAST_DIGITS, String(count).length);
  useEffect(() => {
    const element = area.current;
    const line = spot?.line ?? null;
    if (line === null || element === null) return;
    const before = element.value.split("\n").slice(0, line - 1);
    const start = before.reduce((sum, text) => sum + text.length + 1, 0);
    const end = element.value.indexOf("\n", start);
    element.focus();
    element.setSelectionRange(start, end === -1 ? element.value.length : end);
    element.scrollTop = Math.max(0, (line - 1 - ABOVE) * LINE_PX);
  }, [spot]);
  const follow = () => {
    if (gutter.current !== null && area.current !== null) gutter.current.scrollTop = area.current.scrollTop;
  };
  return (
    <div
      style={{ "--gutter": `calc(${digits}ch + 1rem)` } as CSSProperties}
      className={cx(
        "relative overflow-hidden rounded-md border bg-ground font-mono text-sm leading-5 [font-variant-ligatures:none] focus-within:outline-2 focus-within:outline-accent",
        invalid ? "border-danger" : "border-line-strong",
        className,
      )}
    >
      <div ref={gutter} aria-hidden="true" className="absolute inset-y-0 left-0 w-(--gutter) overflow-hidden border-r border-line bg-sunken pt-2 text-right text-ink-3 select-none">
        {Array.from({ length: count }, (_, at) => (
          <div key={at} className={cx("h-5 px-2 tabular-nums", wrong.includes(at + 1) && "bg-danger-soft font-medium text-danger")}>
            {at + 1}
          </div>
        ))}
        {/* The text scrolls a bar's height further. */}
        <div className="h-8" />
      </div>
      <textarea
        ref={area}
        aria-label={label}
        aria-describedby={describedBy}
        aria-invalid={invalid}
        value={value}
        readOnly={readOnly}
        onChange={(event) => onChange(event.target.value)}
        onScroll={follow}
        wrap="off"
        spellCheck={false}
        autoCapitalize="none"
        autoCorrect="off"
        data-testid={testId}
        className="absolute inset-y-0 right-0 left-(--gutter) w-[calc(100%-var(--gutter))] resize-none overflow-auto bg-transparent p-2 leading-5 outline-none"
      />
    </div>
  );
}
