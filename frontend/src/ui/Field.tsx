import { Eye, EyeOff } from "lucide-react";
import { useId, useState, type InputHTMLAttributes, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { IconButton } from "./Button";

interface FieldProps {
  label: string;
  hint?: string | undefined;
  /** What is wrong with the value, as the server says it. */
  error?: string | undefined;
  className?: string;
  children: (control: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode;
}

/** A labelled control with its hint and its error. */
export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  const notes = [hint === undefined ? null : `${id}hint`, error === undefined ? null : `${id}error`].filter((note) => note !== null);
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {children({
        id,
        ...(notes.length === 0 ? {} : { "aria-describedby": notes.join(" ") }),
        ...(error === undefined ? {} : { "aria-invalid": true }),
      })}
      {hint !== undefined && (
        <p id={`${id}hint`} className="mt-1 text-sm text-ink-2">
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p id={`${id}error`} className="mt-1 text-sm text-danger">
          {error.charAt(0).toUpperCase() + error.slice(1)}
        </p>
      )}
    </div>
  );
}

type TextFieldProps = Omit<FieldProps, "children"> & Omit<InputHTMLAttributes<HTMLInputElement>, "id" | "className"> & { mono?: boolean };

export function TextField({ label, hint, error, className, mono = false, ...input }: TextFieldProps) {
  return (
    <Field label={label} hint={hint} error={error} {...(className === undefined ? {} : { className })}>
      {(control) => <input type="text" {...control} {...input} className={cx("field", mono && "font-mono")} />}
    </Field>
  );
}

export function PasswordField({ label, hint, error, className, ...input }: TextFieldProps) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  return (
    <Field label={label} hint={hint} error={error} {...(className === undefined ? {} : { className })}>
      {(control) => (
        <div className="relative">
          <input {...control} {...input} type={shown ? "text" : "password"} className="field pr-10 touch:pr-12" />
          <IconButton label={t(shown ? "signIn.hide" : "signIn.show")} onClick={() => setShown(!shown)} className="absolute top-0 right-0">
            {shown ? <EyeOff size={16} aria-hidden="true" /> : <Eye size={16} aria-hidden="true" />}
          </IconButton>
        </div>
      )}
    </Field>
  );
}

interface SelectFieldProps<T extends string> extends Omit<FieldProps, "children"> {
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
  disabled?: boolean;
}

export function SelectField<T extends string>({ label, hint, error, className, value, options, onChange, disabled = false }: SelectFieldProps<T>) {
  return (
    <Field label={label} hint={hint} error={error} {...(className === undefined ? {} : { className })}>
      {(control) => (
        <select {...control} value={value} disabled={disabled} onChange={(event) => onChange(event.target.value as T)} className="field">
          {options.map((option) => (
            <option key={option.value} value={option.value} className="bg-raised text-ink">
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Checkbox({ label, text, checked, onChange, disabled = false }: { label: string; text?: string; checked: boolean; onChange: (checked: boolean) => void; disabled?: boolean }) {
  const id = useId();
  return (
    <div className="flex gap-2">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
        aria-describedby={text === undefined ? undefined : `${id}text`}
        className="mt-2 size-4 shrink-0 accent-(--accent) touch:mt-3.5"
      />
      <div className="min-w-0">
        <label htmlFor={id} className="flex min-h-8 items-center touch:min-h-11">
          {label}
        </label>
        {text !== undefined && (
          <p id={`${id}text`} className="-mt-1 mb-1 text-sm text-ink-2">
            {text}
          </p>
        )}
      </div>
    </div>
  );
}
