import { CircleAlert, RotateCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Problem } from "@/api/problem";
import { UNREACHABLE } from "@/api/problem";
import { cx } from "@/lib/cx";
import { Button } from "./Button";
import { Copyable } from "./Copyable";

interface ProblemNoticeProps {
  problem: Problem;
  onRetry?: (() => void) | undefined;
  className?: string;
}

/** A refusal or failure: what happened, what would make it work, and the codes that lead to its log entry. */
export function ProblemNotice({ problem, onRetry, className }: ProblemNoticeProps) {
  const { t, i18n } = useTranslation();
  const key = `problems.${problem.code}`;
  const unreachable = problem.code === UNREACHABLE;
  const title = i18n.exists(key) ? t(key as "problems.internal") : problem.title || t("problems.internal");
  const remedy = problem.remedy ?? (unreachable ? t("problems.unreachableRemedy") : null);
  return (
    <div role="alert" className={cx("rounded-lg border border-danger/40 bg-danger-soft p-3", className)} data-testid="problem">
      <div className="flex gap-2">
        <CircleAlert size={16} className="mt-0.5 shrink-0 text-danger" aria-hidden="true" />
        <div className="min-w-0 flex-1">
          <p className="font-semibold text-ink">{title}</p>
          {problem.message !== "" && <p className="mt-0.5 text-ink">{sentence(problem.message)}</p>}
          {problem.fields.length > 0 && (
            <ul className="mt-1 list-disc pl-4 text-ink">
              {problem.fields.map((field) => (
                <li key={field.field + field.message}>
                  <code className="font-mono text-xs">{field.field}</code> {field.message}
                </li>
              ))}
            </ul>
          )}
          {remedy !== null && <p className="mt-1 text-ink-2">{sentence(remedy)}</p>}
          <div className="mt-2 flex min-h-5 flex-wrap items-center gap-x-4 gap-y-2 text-xs text-ink-2">
            <code className="font-mono">{problem.code}</code>
            {problem.traceId !== null && (
              <span className="flex min-w-0 items-center gap-1">
                {t("common.trace")}
                <Copyable text={problem.traceId} label={t("common.trace")} />
              </span>
            )}
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

/** The server writes details in lower case without a full stop. */
function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
