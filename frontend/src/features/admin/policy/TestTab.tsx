import { useMutation } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { CaseReport, PolicyText } from "@/api/policy-types";
import { asProblem } from "@/api/problem";
import { formatNumber } from "@/lib/format";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Status } from "@/ui/parts";

interface TestTabProps {
  draft: PolicyText[];
  /** The cases that the shipped policies pass, to begin with. */
  initial: string;
  changed: boolean;
}

/** A table of cases, decided with the files as they are edited. */
export function TestTab({ draft, initial, changed }: TestTabProps) {
  const { t } = useTranslation();
  const [cases, setCases] = useState(initial);
  const run = useMutation({ mutationFn: () => sendJson<CaseReport>("POST", "/policy/test", { files: draft, cases }) });
  return (
    <div className="grid grid-cols-1 gap-4 p-4 lg:grid-cols-2">
      <div className="min-w-0">
        <p className="mb-2 text-ink-2">{t(changed ? "policy.testDraft" : "policy.testText")}</p>
        <textarea
          aria-label={t("policy.cases")}
          value={cases}
          onChange={(event) => setCases(event.target.value)}
          wrap="off"
          spellCheck={false}
          autoCapitalize="none"
          rows={24}
          className="w-full resize-y overflow-auto rounded-md border border-line-strong bg-ground p-3 font-mono text-sm leading-5 [font-variant-ligatures:none]"
        />
        <div className="mt-2 flex flex-wrap gap-2">
          <Button kind="primary" disabled={run.isPending} onClick={() => run.mutate()}>
            <Play size={14} aria-hidden="true" />
            {t("policy.run")}
          </Button>
          {cases !== initial && (
            <Button kind="quiet" onClick={() => setCases(initial)}>
              {t("policy.casesReset")}
            </Button>
          )}
        </div>
      </div>
      <section aria-label={t("policy.result")} aria-live="polite" aria-busy={run.isPending} className="min-w-0">
        {run.error !== null && <ProblemNotice problem={asProblem(run.error)} />}
        {run.isIdle && <p className="text-ink-2">{t("policy.testIdle")}</p>}
        {run.isSuccess && <Report report={run.data} />}
      </section>
    </div>
  );
}

function Report({ report }: { report: CaseReport }) {
  const { t } = useTranslation();
  return (
    <div className="space-y-4" data-testid="case-report">
      <p className="flex flex-wrap gap-x-4 font-medium tabular-nums">
        <Status tone="accent">{t("policy.passed", { count: report.passed, number: formatNumber(report.passed) })}</Status>
        <Status tone={report.failures.length > 0 ? "danger" : "neutral"}>{t("policy.failed", { count: report.failures.length })}</Status>
      </p>
      {report.errors.length > 0 && (
        <div className="rounded-lg border border-danger/40 bg-danger-soft p-3">
          <p className="font-semibold">{t("policy.tableWrong")}</p>
          <ul className="mt-1 list-disc pl-4 [overflow-wrap:anywhere]">
            {report.errors.map((error) => (
              <li key={error}>{error}</li>
            ))}
          </ul>
        </div>
      )}
      {report.failures.length > 0 && (
        <table className="w-full border-separate border-spacing-0">
          <caption className="sr-only">{t("policy.result")}</caption>
          <thead>
            <tr>
              <th scope="col" className="cell-head">
                {t("policy.case")}
              </th>
              <th scope="col" className="cell-head">
                {t("policy.differences")}
              </th>
            </tr>
          </thead>
          <tbody>
            {report.failures.map((failure) => (
              <tr key={failure.name}>
                <td className="cell py-1 align-top font-medium [overflow-wrap:anywhere]">{failure.name}</td>
                <td className="cell py-1 align-top">
                  <ul className="[overflow-wrap:anywhere] text-ink-2">
                    {failure.differences.map((difference) => (
                      <li key={difference}>{difference}</li>
                    ))}
                  </ul>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {report.untested_actions.length > 0 && (
        <p className="text-sm text-ink-2">
          {t("policy.untested")} <span className="font-mono">{report.untested_actions.join(", ")}</span>
        </p>
      )}
    </div>
  );
}
