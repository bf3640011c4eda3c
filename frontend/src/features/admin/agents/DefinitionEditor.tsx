import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { AgentFinding } from "@/api/agent-types";
import { cx } from "@/lib/cx";

/** A line that is gone to; a new object each time, so that the same line can be gone to twice. */
export interface Spot {
  line: number;
}

interface DefinitionEditorProps {
  text: string;
  spot: Spot | null;
  readOnly: boolean;
  findings: readonly AgentFinding[];
  onChange: (text: string) => void;
}

const LINE_PX = 20;

/** YAML in a fixed-width face, with the numbers of its lines; those that something was found on stand out. */
export function DefinitionEditor({ text, spot, readOnly, findings, onChange }: DefinitionEditorProps) {
  const { t } = useTranslation();
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const count = useMemo(() => text.split("\n").length, [text]);
  const wrong = useMemo(() => new Set(findings.filter(({ severity }) => severity === "error").map(({ line }) => line)), [findings]);
  useEffect(() => {
    const element = area.current;
    if (spot === null || element === null) return;
    const before = element.value.split("\n").slice(0, spot.line - 1);
    const start = before.reduce((sum, line) => sum + line.length + 1, 0);
    const end = element.value.indexOf("\n", start);
    element.focus();
    element.setSelectionRange(start, end === -1 ? element.value.length : end);
    element.scrollTop = Math.max(0, (spot.line - 4) * LINE_PX);
  }, [spot]);
  const follow = () => {
    if (gutter.current !== null && area.current !== null) gutter.current.scrollTop = area.current.scrollTop;
  };
  return (
    <div className="flex h-[min(60vh,40rem)] overflow-hidden rounded-md border border-line-strong bg-ground font-mono text-sm leading-5 [font-variant-ligatures:none] focus-within:outline-2 focus-within:outline-accent">
      <div ref={gutter} aria-hidden="true" className="shrink-0 overflow-hidden border-r border-line bg-sunken py-3 text-right text-ink-3 select-none">
        {Array.from({ length: count }, (_, at) => (
          <div key={at} className={cx("h-5 px-2 tabular-nums", wrong.has(at + 1) && "bg-danger-soft font-medium text-danger")}>
            {at + 1}
          </div>
        ))}
        {/* The text scrolls a bar's height further. */}
        <div className="h-8" />
      </div>
      <textarea
        ref={area}
        aria-label={t("agentAdmin.editor")}
        value={text}
        readOnly={readOnly}
        onChange={(event) => onChange(event.target.value)}
        onScroll={follow}
        wrap="off"
        spellCheck={false}
        autoCapitalize="none"
        autoCorrect="off"
        data-testid="agent-editor"
        className="min-w-0 flex-1 resize-none overflow-auto bg-transparent p-3 leading-5 outline-none"
      />
    </div>
  );
}
