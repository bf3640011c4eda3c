import { CircleAlert, RotateCw, ShieldX } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Problem } from "@/api/problem";
import { cx } from "@/lib/cx";
import { Button } from "./Button";
import { Copyable } from "./Copyable";

/** Refusals by rule: nothing broke, and somebody can allow it. */
const REFUSALS = ["label_denied", "policy_denied", "hitl_required", "injection_blocked", "budget_exceeded", "not_authorized"] as const;

export function isRefusal(code: string): code is (typeof REFUSALS)[number] {
  return REFUSALS.some((known) => known === code);
}

interface ProblemNoticeProps {
  problem: Problem;
  /** In place of what the code means everywhere. */
  title?: string;
  /** An id that leads to the log where there is no trace, with its name. */
  reference?: { label: string; id: string } | undefined;
  onRetry?: (() => void) | undefined;
  className?: string;
}

/** A refusal or failure: what happened, what would make it work, who can allow it, and the codes that lead to its log entry. */
export function ProblemNotice({ problem, title: given, reference, onRetry, className }: ProblemNoticeProps) {
  const { t, i18n } = useTranslation();
  const key = `problems.${problem.code}`;
  const remedyKey = `remedies.${problem.code}`;
  const title = given ?? (i18n.exists(key) ? t(key as "problems.internal") : problem.title || t("problems.internal"));
  const remedy = i18n.exists(remedyKey) ? t(remedyKey as "remedies.unreachable") : problem.remedy;
  const refused = isRefusal(problem.code);
  const Icon = refused ? ShieldX : CircleAlert;
  return (
    <div
      role="alert"
      className={cx("rounded-lg border p-3 text-left", refused ? "border-line-strong bg-sunken" : "border-danger/40 bg-danger-soft", className)}
      data-testid="problem"
      data-code={problem.code}
    >
      <div className="flex gap-2">
        <Icon size={16} className="mt-0.5 shrink-0 text-danger" aria-hidden="true" />
        <div className="min-w-0 flex-1">
          <p className="font-semibold text-ink">{title}</p>
          {problem.message !== "" && <p className="mt-0.5 [overflow-wrap:anywhere] text-ink">{sentence(problem.message)}</p>}
          {problem.fields.length > 0 && (
            <ul className="mt-1 list-disc pl-4 text-ink">
              {problem.fields.map((field) => (
                <li key={field.field + field.message}>
                  <code className="font-mono text-xs">{field.field}</code> {field.message}
                </li>
              ))}
            </ul>
          )}
          {refused ? <Ways remedy={remedy} code={problem.code} /> : remedy !== null && <p className="mt-1 [overflow-wrap:anywhere] text-ink-2">{sentence(remedy)}</p>}
          <div className="mt-2 flex min-h-5 flex-wrap items-center gap-x-4 gap-y-2 text-xs text-ink-2">
            <code className="font-mono">{problem.code}</code>
            {problem.traceId !== null && <Reference label={t("common.trace")} id={problem.traceId} />}
            {reference !== undefined && <Reference {...reference} />}
            {onRetry !== undefined && (
              <Button onClick={onRetry} className="ml-auto">
                <RotateCw size={14} aria-hidden="true" />
                {t("common.retry")}
              </Button>
            )}
          </div>
        </div>
      </div>
    </div>
  );
}

/** What would make it allowed, and who can. */
function Ways({ remedy, code }: { remedy: string | null; code: (typeof REFUSALS)[number] }) {
  const { t } = useTranslation();
  return (
    <dl className="mt-2 grid grid-cols-1 gap-x-3 gap-y-1 sm:grid-cols-[auto_1fr]">
      {remedy !== null && (
        <>
          <dt className="text-sm text-ink-2">{t("refusals.wouldAllow")}</dt>
          <dd className="min-w-0 [overflow-wrap:anywhere] text-ink">{sentence(remedy)}</dd>
        </>
      )}
      <dt className="text-sm text-ink-2">{t("refusals.whoCan")}</dt>
      <dd className="min-w-0 text-ink">{t(`refusals.who.${code}`)}</dd>
    </dl>
  );
}

function Reference({ label, id }: { label: string; id: string }) {
  return (
    <span className="flex max-w-full min-w-0 items-center gap-1">
      {label}
      <Copyable text={id} label={label} />
    </span>
  );
}

/** The server writes details in lower case without a full stop. */
function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
