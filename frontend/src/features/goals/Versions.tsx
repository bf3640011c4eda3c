import { useTranslation } from "react-i18next";
import type { PlanVersion } from "@/api/goal-types";
import { asProblem } from "@/api/problem";
import { diffLines } from "@/lib/diff";
import { FileDiffs } from "@/ui/FileDiffs";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton, Time } from "@/ui/parts";
import { useShownGoal } from "./context";
import { useAuthorText } from "./parts";
import { usePlanVersions } from "./queries";

/** Each version of the plan with what it changed, newest first. */
export function Versions() {
  const { t } = useTranslation();
  const { goal } = useShownGoal();
  const query = usePlanVersions(goal.id, true);
  if (query.isPending) return <Skeleton className="mb-3 h-24" />;
  if (query.isError) return <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="mb-3" />;
  return (
    <ol className="mb-3 divide-y divide-line rounded-lg border border-line" aria-label={t("goals.versions")}>
      {query.data.map((version, at) => (
        <Version key={version.version} version={version} before={query.data[at + 1]} />
      ))}
    </ol>
  );
}

function Version({ version, before }: { version: PlanVersion; before: PlanVersion | undefined }) {
  const { t } = useTranslation();
  const authorText = useAuthorText();
  const { approved_at } = version;
  const same = before?.text === version.text;
  return (
    <li className="p-3" data-testid="plan-version">
      <p className="mb-2 flex flex-wrap items-baseline gap-x-3">
        <span className="font-medium tabular-nums">{t("goals.version", { number: version.version })}</span>
        <span className="text-sm text-ink-2">
          {authorText(version)} · <Time value={version.created_at} long />
          {approved_at !== null && (
            <>
              {" · "}
              {t("goals.approved")} <Time value={approved_at} long />
            </>
          )}
        </span>
      </p>
      {before === undefined ? (
        <FileDiffs diffs={[{ name: t("goals.versionFirst"), lines: version.text.replace(/\n$/, "").split("\n").map((text, at) => ({ kind: "same", text, before: at + 1, after: at + 1 })) }]} />
      ) : same ? (
        <p className="text-ink-2">{t("goals.versionSame")}</p>
      ) : (
        <FileDiffs diffs={[{ name: t("goals.versionDiff", { before: before.version, after: version.version }), lines: diffLines(before.text, version.text) }]} />
      )}
    </li>
  );
}
