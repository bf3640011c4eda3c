import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Classification } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatDateTime, formatShort, formatUtc } from "@/lib/format";

const CLASS_COLOURS: Record<Classification, string> = {
  PUBLIC: "text-class-public",
  INTERNAL: "text-class-internal",
  CONFIDENTIAL: "text-class-confidential",
  RESTRICTED: "text-class-restricted",
};

/** The label of a document or an answer: its colour and its word, never one without the other. */
export function ClassificationLabel({ value, className }: { value: Classification; className?: string }) {
  const { t } = useTranslation();
  return (
    <span className={cx("inline-flex items-center gap-1.5 text-xs font-medium whitespace-nowrap", CLASS_COLOURS[value], className)}>
      <span className="size-2 shrink-0 rounded-[2px] bg-current" aria-hidden="true" />
      {t(`classification.${value}`)}
    </span>
  );
}

export type Tone = "neutral" | "accent" | "caution" | "danger" | "busy";

const TONES: Record<Tone, string> = {
  neutral: "text-ink-3",
  accent: "text-accent",
  caution: "text-class-confidential",
  danger: "text-danger",
  busy: "text-accent animate-pulse-soft",
};

/** A state as a dot and a word. */
export function Status({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <span className={cx("size-2 shrink-0 rounded-full bg-current", TONES[tone])} aria-hidden="true" />
      <span className={tone === "danger" ? "text-danger" : "text-ink-2"}>{children}</span>
    </span>
  );
}

/** Local time; UTC on hover. */
export function Time({ value, long = false, className }: { value: string; long?: boolean; className?: string }) {
  return (
    <time dateTime={value} title={formatUtc(value)} className={cx("whitespace-nowrap tabular-nums", className)}>
      {long ? formatDateTime(value) : formatShort(value)}
    </time>
  );
}

export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden="true" className={cx("block animate-pulse-soft rounded-sm bg-hover", className)} />;
}

export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded-sm border border-line-strong bg-sunken px-1 font-mono text-2xs text-ink-2">
      {children}
    </kbd>
  );
}

interface EmptyStateProps {
  icon: ReactNode;
  title: string;
  text?: string;
  /** The heading of the whole page rather than of a part of it. */
  page?: boolean;
  /** Within a section, where a whole page's air would be a hole. */
  compact?: boolean;
  children?: ReactNode;
}

export function EmptyState({ icon, title, text, page = false, compact = false, children }: EmptyStateProps) {
  const Heading = page ? "h1" : compact ? "h3" : "h2";
  return (
    <div className={cx("flex flex-col items-center px-4 text-center", compact ? "py-6" : "py-16")}>
      <span className="mb-3 text-ink-3" aria-hidden="true">
        {icon}
      </span>
      <Heading className="text-md font-semibold">{title}</Heading>
      {text !== undefined && <p className="mt-1 max-w-[52ch] text-ink-2">{text}</p>}
      {children !== undefined && <div className="mt-4 flex flex-wrap justify-center gap-2">{children}</div>}
    </div>
  );
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
  className?: string;
  quiet?: boolean;
}

/** The system's own select: works with every keyboard, screen reader and phone. */
export function Select<T extends string>({ label, value, options, onChange, className, quiet = false }: SelectProps<T>) {
  return (
    <select
      aria-label={label}
      title={label}
      value={value}
      onChange={(event) => onChange(event.target.value as T)}
      className={cx(
        "h-8 rounded-md border px-2 text-base touch:h-11",
        quiet ? "border-transparent bg-transparent text-ink-2 hover:bg-hover" : "border-line-strong bg-ground text-ink",
        className,
      )}
    >
      {options.map((option) => (
        <option key={option.value} value={option.value} className="bg-raised text-ink">
          {option.label}
        </option>
      ))}
    </select>
  );
}
