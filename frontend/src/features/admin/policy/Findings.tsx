import { CircleAlert, CircleCheck, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { LintFinding } from "@/api/policy-types";

interface FindingsProps {
  findings: readonly LintFinding[];
  /** Whether there was anything to look over. */
  looked: boolean;
  onGo: (file: string, line: number | null) => void;
}

/** What the look-over found, errors first; each leads to its place. */
export function Findings({ findings, looked, onGo }: FindingsProps) {
  const { t } = useTranslation();
  const ordered = [...findings].sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
  return (
    <>
      <h2 className="mb-1 text-xs font-medium text-ink-3">{t("policy.findings")}</h2>
      <div aria-live="polite">
        {!looked && <p className="text-sm text-ink-2">{t("policy.findingsNothing")}</p>}
        {looked && findings.length === 0 && (
          <p className="flex items-center gap-2 text-sm text-ink-2" data-testid="lint-clean">
            <CircleCheck size={16} aria-hidden="true" className="text-accent" />
            {t("policy.findingsNone")}
          </p>
        )}
        <ul className="space-y-2">
          {ordered.map((finding, index) => {
            const error = finding.severity === "error";
            const Icon = error ? CircleAlert : TriangleAlert;
            return (
              <li key={index} className="rounded-md border border-line p-2 text-sm" data-testid="finding" data-severity={finding.severity}>
                <p className="flex items-center gap-1.5 font-medium">
                  <Icon size={14} aria-hidden="true" className={error ? "text-danger" : "text-ink-3"} />
                  {t(`policy.severity.${finding.severity}`)}
                  <span className="font-normal text-ink-2">{t(`policy.rules.${finding.rule}`)}</span>
                </p>
                <p className="mt-0.5 [overflow-wrap:anywhere]">{finding.message}</p>
                <button
                  type="button"
                  onClick={() => onGo(finding.file, finding.line)}
                  className="mt-0.5 font-mono text-xs [overflow-wrap:anywhere] text-accent underline underline-offset-2 touch:min-h-11"
                >
                  {finding.line === null ? finding.file : `${finding.file}:${finding.line}`}
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    </>
  );
}
