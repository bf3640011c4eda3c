import { Lock, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { PolicyText } from "@/api/policy-types";
import { cx } from "@/lib/cx";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";

/** Which file is shown, and the line that a finding speaks of. */
export interface Place {
  own: boolean;
  at: number;
  line: number | null;
}

/** A file that ships: read, not changed. */
export function FileText({ file, line }: { file: PolicyText; line: number | null }) {
  const { t } = useTranslation();
  const lines = file.text.replace(/\n$/, "").split("\n");
  const marked = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    marked.current?.scrollIntoView({ block: "center" });
  }, [line, file.name]);
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <p className="mb-2 flex flex-wrap items-center gap-2 text-sm text-ink-2">
        <Lock size={14} aria-hidden="true" />
        <span className="font-mono font-medium text-ink">{file.name}</span>
        {t("policy.readOnly")}
      </p>
      {/* The scrolling region takes the focus, so that it can be scrolled from the keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre tabIndex={0} role="region" aria-label={file.name} className="max-h-[60vh] min-h-48 flex-1 overflow-auto rounded-md border border-line bg-sunken py-2 font-mono text-sm [font-variant-ligatures:none] lg:max-h-none">
        {lines.map((text, at) => (
          <span key={at} ref={at + 1 === line ? marked : undefined} className={cx("block w-max min-w-full pr-3", at + 1 === line && "bg-mark text-on-mark")}>
            <span aria-hidden="true" className="mr-3 inline-block w-10 text-right text-ink-3 select-none">
              {at + 1}
            </span>
            {text}
            {"\n"}
          </span>
        ))}
      </pre>
    </div>
  );
}

interface FileEditorProps {
  file: PolicyText;
  line: number | null;
  /** Names of the other files. */
  taken: readonly string[];
  onChange: (file: PolicyText) => void;
  onRemove: () => void;
}

/** A file of the organisation's own: plain text in a fixed-width face. */
export function FileEditor({ file, line, taken, onChange, onRemove }: FileEditorProps) {
  const { t } = useTranslation();
  const area = useRef<HTMLTextAreaElement>(null);
  const [at, setAt] = useState(1);
  // A finding was chosen: its line is selected.
  useEffect(() => {
    const element = area.current;
    if (line === null || element === null) return;
    const before = element.value.split("\n").slice(0, line - 1);
    const start = before.reduce((sum, text) => sum + text.length + 1, 0);
    const end = element.value.indexOf("\n", start);
    element.focus();
    element.setSelectionRange(start, end === -1 ? element.value.length : end);
    element.scrollTop = Math.max(0, (line - 4) * 20);
  }, [line]);
  const follow = () => {
    const element = area.current;
    if (element !== null) setAt(element.value.slice(0, element.selectionStart).split("\n").length);
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="mb-2 flex flex-wrap items-end gap-2">
        <TextField
          mono
          label={t("policy.fileName")}
          value={file.name}
          maxLength={120}
          spellCheck={false}
          onChange={(event) => onChange({ ...file, name: event.target.value })}
          error={taken.includes(file.name) ? t("policy.nameTaken") : undefined}
          className="w-72 max-w-full"
        />
        <Button kind="caution" onClick={onRemove}>
          <Trash2 size={14} aria-hidden="true" />
          {t("policy.removeFile")}
        </Button>
      </div>
      <textarea
        ref={area}
        aria-label={t("policy.fileText", { name: file.name })}
        value={file.text}
        onChange={(event) => onChange({ ...file, text: event.target.value })}
        onSelect={follow}
        wrap="off"
        spellCheck={false}
        autoCapitalize="none"
        autoCorrect="off"
        rows={18}
        data-testid="policy-editor"
        className="min-h-64 w-full flex-1 resize-none overflow-auto rounded-md border border-line-strong bg-ground p-3 font-mono text-sm leading-5 [font-variant-ligatures:none]"
      />
      <p className="mt-1 text-xs text-ink-3 tabular-nums">{t("policy.line", { number: at })}</p>
    </div>
  );
}
