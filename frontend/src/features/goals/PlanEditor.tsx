import { ChevronRight, CircleAlert, CircleCheck } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/Button";
import { CodeArea, type Spot } from "@/ui/CodeArea";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { PlanDiagram } from "./PlanDiagram";
import type { PlanCheck } from "./queries";

interface PlanEditorProps {
  value: string;
  onChange: (value: string) => void;
  /** What the value comes to. */
  check: PlanCheck;
  /** What may be begun from where nothing is written. */
  example?: string;
}

/** A plan as it is written: plain text in a fixed-width face, what is wrong with it at its line, and beside it what it comes to. */
export function PlanEditor({ value, onChange, check, example }: PlanEditorProps) {
  const { t } = useTranslation();
  const [spot, setSpot] = useState<Spot | null>(null);
  const said = useId();
  const wrong = check.error;
  const shown = t(wrong === null ? "goals.editor.diagram" : "goals.editor.last");
  return (
    <div className="@container">
      <div className="grid grid-cols-1 gap-4 @4xl:grid-cols-2">
        <div className="min-w-0">
          <CodeArea
            label={t("goals.editor.text")}
            value={value}
            onChange={onChange}
            wrong={[wrong?.line ?? null]}
            invalid={wrong !== null}
            describedBy={said}
            spot={spot}
            testId="plan-editor"
            className="h-80 @4xl:h-104"
          />
          <div id={said} aria-live="polite" className="mt-2 min-h-10 text-sm" data-testid="plan-said">
            <Said value={value} check={check} onGo={(line) => setSpot({ line })} />
          </div>
          {example !== undefined && value.trim() === "" && (
            <Button
              onClick={() => {
                onChange(example);
                setSpot({ line: 1 });
              }}
            >
              {t("goals.editor.example")}
            </Button>
          )}
        </div>
        <div className="min-w-0">
          {check.steps.length > 0 && (
            <>
              <PlanDiagram label={shown} steps={check.steps} />
              {wrong !== null && (
                <p aria-hidden="true" className="mt-1 text-sm text-ink-2">
                  {shown}
                </p>
              )}
            </>
          )}
        </div>
      </div>
      <Help />
    </div>
  );
}

function Said({ value, check, onGo }: { value: string; check: PlanCheck; onGo: (line: number) => void }) {
  const { t } = useTranslation();
  const { error, problem } = check;
  if (problem !== null) return <ProblemNotice problem={problem} onRetry={check.retry} />;
  if (value.trim() === "") return <p className="text-ink-2">{t("goals.editor.empty")}</p>;
  if (error !== null) {
    const { line } = error;
    return (
      <div className="flex items-start gap-2" data-testid="plan-wrong">
        <CircleAlert size={16} aria-hidden="true" className="mt-0.5 shrink-0 text-danger" />
        <div className="min-w-0 flex-1">
          <p className="font-medium text-danger">{t("goals.editor.wrong")}</p>
          <p className="[overflow-wrap:anywhere]">{error.message}</p>
        </div>
        {line !== null && (
          <Button className="text-sm" onClick={() => onGo(line)}>
            {t("goals.editor.toLine", { line })}
          </Button>
        )}
      </div>
    );
  }
  if (!check.sound) return <p className="text-ink-2">{t("goals.editor.checking")}</p>;
  return (
    <p className="flex items-center gap-2 text-ink-2" data-testid="plan-sound">
      <CircleCheck size={16} aria-hidden="true" className="text-accent" />
      {t("goals.editor.sound", { count: check.steps.filter(({ kind }) => kind !== "report").length })}
    </p>
  );
}

const NODES = ["pipeline", "fan_out", "steps", "ask", "person", "check"] as const;

function Help() {
  const { t } = useTranslation();
  return (
    <details className="group mt-2 text-sm">
      <summary className="inline-flex min-h-8 cursor-pointer list-none items-center gap-1 text-ink-2 hover:text-ink touch:min-h-11 [&::-webkit-details-marker]:hidden">
        <ChevronRight size={14} aria-hidden="true" className="transition-transform group-open:rotate-90" />
        {t("goals.editor.help")}
      </summary>
      <dl className="mt-1 grid max-w-[75ch] grid-cols-[auto_1fr] gap-x-4 gap-y-1 pl-4">
        {NODES.map((node) => (
          <div key={node} className="contents">
            <dt className="font-mono text-xs leading-5 font-medium">{node}</dt>
            <dd className="text-ink-2">{t(`goals.editor.helpItems.${node}`)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
