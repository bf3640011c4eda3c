import { CircleAlert, CircleCheck, TriangleAlert } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AgentFinding } from "@/api/agent-types";
import { asProblem } from "@/api/problem";
import { useDebounced } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { Button } from "@/ui/Button";
import { CodeArea, type Spot } from "@/ui/CodeArea";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { useCheck } from "./queries";
import { StoreDialog } from "./StoreDialog";

const CHECK_MS = 400;

interface DefinitionTabProps {
  /** Null for an agent that is not there yet. */
  name: string | null;
  /** What is gone back to when the changes are discarded. */
  initial: string;
  text: string;
  /** Another text has taken the place of the one that this began from. */
  outdated?: boolean;
  /** Where to go in the text. */
  spot: Spot | null;
  onSpot: (spot: Spot) => void;
  onChange: (text: string) => void;
  onStored?: (text: string) => void;
}

/** The text of an agent, looked over while it is written. */
export function DefinitionTab({ name, initial, text, outdated = false, spot, onSpot, onChange, onStored }: DefinitionTabProps) {
  const { t } = useTranslation();
  const mayManage = useMay("configuration:manage");
  const [storing, setStoring] = useState(false);
  const looked = useDebounced(text, CHECK_MS);
  const check = useCheck(looked);
  const findings = check.data?.findings ?? [];
  const errors = findings.filter(({ severity }) => severity === "error");
  const broken = errors.length > 0;
  const found = useId();
  const isNew = name === null;
  const changed = isNew || text !== initial;
  const other = check.data?.definition?.name;
  return (
    <div className="flex flex-col gap-4 xl:flex-row">
      <div className="min-w-0 flex-1">
        <CodeArea
          label={t("agentAdmin.editor")}
          value={text}
          onChange={onChange}
          readOnly={!mayManage}
          wrong={errors.map(({ line }) => line)}
          invalid={broken}
          describedBy={found}
          spot={spot}
          testId="agent-editor"
          className="h-[min(60vh,40rem)]"
        />
        <p className="mt-1 max-w-[75ch] text-sm text-ink-2">{t(mayManage ? "agentAdmin.promptHint" : "agentAdmin.readOnly")}</p>
        {outdated && (
          <p role="status" className="mt-2 max-w-[75ch] rounded-md border border-line-strong bg-sunken px-3 py-2" data-testid="agent-outdated">
            {t("agentAdmin.outdated")}
          </p>
        )}
        {changed && mayManage && (
          <div className="mt-3 flex flex-wrap items-center gap-2">
            <Button kind="primary" disabled={broken || looked !== text || !check.isSuccess || check.isPlaceholderData} onClick={() => setStoring(true)}>
              {t("agentAdmin.store")}
            </Button>
            {!isNew && (
              <Button
                kind="quiet"
                onClick={() => {
                  onChange(initial);
                  onSpot({ line: 1 });
                }}
              >
                {t("agentAdmin.discard")}
              </Button>
            )}
            <span className="text-sm text-ink-2">
              {broken ? t("agentAdmin.storeBroken") : !isNew && other !== undefined && other !== name ? t("agentAdmin.storeOther", { name: other }) : t("agentAdmin.storeText")}
            </span>
          </div>
        )}
      </div>
      <aside aria-label={t("agentAdmin.findings")} className="shrink-0 xl:w-80">
        <h3 className="mb-1 text-xs font-medium text-ink-3">{t("agentAdmin.findings")}</h3>
        <div id={found}>
          {check.isError ? (
            <ProblemNotice problem={asProblem(check.error)} onRetry={() => void check.refetch()} />
          ) : (
            <Findings findings={findings} looked={check.isSuccess} onGo={(line) => onSpot({ line })} />
          )}
        </div>
      </aside>
      {storing && <StoreDialog definition={text} onStored={onStored} onClose={() => setStoring(false)} />}
    </div>
  );
}

/** What the look-over found; each leads to its line. */
function Findings({ findings, looked, onGo }: { findings: readonly AgentFinding[]; looked: boolean; onGo: (line: number) => void }) {
  const { t } = useTranslation();
  return (
    <div aria-live="polite">
      {looked && findings.length === 0 && (
        <p className="flex items-center gap-2 text-sm text-ink-2" data-testid="agent-clean">
          <CircleCheck size={16} aria-hidden="true" className="text-accent" />
          {t("agentAdmin.findingsNone")}
        </p>
      )}
      <ul className="space-y-2">
        {findings.map((finding, index) => {
          const error = finding.severity === "error";
          const Icon = error ? CircleAlert : TriangleAlert;
          const { line } = finding;
          return (
            <li key={index} className="rounded-md border border-line p-2 text-sm" data-testid="agent-finding" data-severity={finding.severity}>
              <p className="flex flex-wrap items-center gap-1.5 font-medium">
                <Icon size={14} aria-hidden="true" className={error ? "text-danger" : "text-ink-3"} />
                {t(`agentAdmin.severity.${finding.severity}`)}
                {finding.path !== "" && <span className="font-mono font-normal text-ink-2">{finding.path}</span>}
              </p>
              <p className="mt-0.5 [overflow-wrap:anywhere]">{finding.message}</p>
              {line !== null && (
                <button type="button" onClick={() => onGo(line)} className="mt-0.5 text-xs text-accent underline underline-offset-2 tabular-nums touch:min-h-11">
                  {t("agentAdmin.line", { number: line })}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
