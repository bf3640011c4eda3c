import { Search, X } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";

interface SearchFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  className?: string;
  /** Known values, offered while typing. */
  suggestions?: readonly string[];
}

const SETTLE_MS = 250;
const NONE: readonly string[] = [];

/** A search box that reports once the typing pauses. `/` puts the focus here. */
export function SearchField({ label, value, onChange, className, suggestions = NONE }: SearchFieldProps) {
  const { t } = useTranslation();
  const [text, setText] = useState(value);
  const [seen, setSeen] = useState(value);
  const listId = useId();
  const report = useRef(onChange);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    report.current = onChange;
  });
  // A new value from outside (Back, a link) replaces the text; our own report coming back does not.
  if (value !== seen) {
    setSeen(value);
    if (value !== text.trim()) setText(value);
  }
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => report.current(text.trim()), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text, value]);
  return (
    <div className={cx("relative", className)}>
      <Search size={14} aria-hidden="true" className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-ink-3" />
      <input
        ref={input}
        data-search=""
        type="text"
        inputMode="search"
        enterKeyHint="search"
        autoComplete="off"
        spellCheck={false}
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          if (text === "") event.currentTarget.blur();
          else setText("");
        }}
        className="field pr-8 pl-8"
        {...(suggestions.length > 0 ? { list: listId } : {})}
      />
      {suggestions.length > 0 && (
        <datalist id={listId}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
      {text !== "" && (
        <button
          type="button"
          aria-label={t("common.clear")}
          title={t("common.clear")}
          onClick={() => {
            setText("");
            onChange("");
            input.current?.focus();
          }}
          className="absolute inset-y-0 right-0 flex w-8 items-center justify-center rounded-md text-ink-3 hover:text-ink touch:w-11"
        >
          <X size={14} aria-hidden="true" />
        </button>
      )}
    </div>
  );
}
