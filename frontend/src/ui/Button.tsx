import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import { cx } from "@/lib/cx";

export type ButtonKind = "primary" | "plain" | "quiet" | "danger" | "caution";

const KINDS: Record<ButtonKind, string> = {
  primary: "border-transparent bg-accent text-on-accent hover:bg-accent-strong disabled:bg-hover disabled:text-ink-3",
  plain: "border-line-strong bg-ground text-ink hover:bg-hover disabled:border-line disabled:text-ink-3 disabled:hover:bg-ground",
  quiet: "border-transparent bg-transparent text-ink-2 hover:bg-hover hover:text-ink disabled:text-ink-3 disabled:hover:bg-transparent",
  /** Leads to something that is lost, but asks first. */
  caution: "border-line-strong bg-ground text-danger hover:bg-danger-soft disabled:border-line disabled:text-ink-3",
  danger: "border-transparent bg-danger text-on-danger hover:brightness-110 disabled:bg-hover disabled:text-ink-3",
};

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ kind = "plain", className, type = "button", ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={cx("control shrink-0 gap-2 rounded-md border px-3 text-base font-medium whitespace-nowrap transition-colors", KINDS[kind], className)}
      {...rest}
    />
  );
}

export interface IconButtonProps extends Omit<ButtonProps, "aria-label" | "title"> {
  /** Read aloud, and shown on hover. */
  label: string;
  children: ReactNode;
}

export function IconButton({ label, kind = "quiet", className, children, type = "button", ...rest }: IconButtonProps) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={cx("control w-8 shrink-0 rounded-md border transition-colors touch:w-11", KINDS[kind], className)}
      {...rest}
    >
      {children}
    </button>
  );
}
