import { Lock, Trash2 } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { PolicyText } from "@/api/policy-types";
import { cx } from "@/lib/cx";
import { Button } from "@/ui/Button";
import { CodeArea, type Spot } from "@/ui/CodeArea";
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
  /** The line that a finding speaks of, if one was chosen. */
  spot: Spot;
  /** Lines with errors; null for the file as a whole. */
  wrong: readonly (number | null)[];
  /** Names of the other files. */
  taken: readonly string[];
  onChange: (file: PolicyText) => void;
  onRemove: () => void;
}

/** A file of the organisation's own: plain text in a fixed-width face. */
export function FileEditor({ file, spot, wrong, taken, onChange, onRemove }: FileEditorProps) {
  const { t } = useTranslation();
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
      <CodeArea
        label={t("policy.fileText", { name: file.name })}
        value={file.text}
        onChange={(text) => onChange({ ...file, text })}
        wrong={wrong}
        invalid={wrong.length > 0}
        spot={spot}
        testId="policy-editor"
        className="min-h-96 w-full flex-1"
      />
    </div>
  );
}
