import { Link } from "@tanstack/react-router";
import { FlaskConical, Plus } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { EvaluationSuiteSummary } from "@/api/evaluation-types";
import { ListState } from "@/features/identity/ListState";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { ClassificationLabel, EmptyState, Time } from "@/ui/parts";
import { SuiteDialog } from "./SuiteDialog";
import { formatShare } from "./parts";
import { useSuites } from "./queries";
import "./texts";

/** Suites of questions, and what came of each the last time it was asked. */
export function EvaluationsPage() {
  const { t } = useTranslation();
  const query = useSuites();
  const list = useRef<HTMLDivElement>(null);
  const [writes, setWrites] = useState(false);
  useDocumentTitle(t("evaluations.title"));
  useHotkeys({ n: () => setWrites(true), j: () => moveRowFocus(list.current, 1), k: () => moveRowFocus(list.current, -1) });
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="h-full overflow-y-auto">
      <div className="px-4 pt-3 pb-10">
        <header className="mb-4 flex flex-wrap items-start justify-between gap-2">
          <div>
            <h1 className="text-lg font-semibold tracking-tight">{t("evaluations.title")}</h1>
            <p className="max-w-[75ch] text-ink-2">{t("evaluations.text")}</p>
          </div>
          <Button kind="primary" onClick={() => setWrites(true)}>
            <Plus size={14} aria-hidden="true" />
            {t("evaluations.create")}
          </Button>
        </header>
        <div ref={list} className="@container">
          <ListState query={{ ...query, items }} empty={<EmptyState icon={<FlaskConical size={28} />} title={t("evaluations.none")} text={t("evaluations.noneText")} />}>
            <SuiteTable suites={items} />
          </ListState>
        </div>
      </div>
      {writes && <SuiteDialog suite={null} onClose={() => setWrites(false)} />}
    </div>
  );
}

function SuiteTable({ suites }: { suites: readonly EvaluationSuiteSummary[] }) {
  const { t } = useTranslation();
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("evaluations.title")}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head pl-0">
            {t("evaluations.suite")}
          </th>
          <th scope="col" className="cell-head hidden w-20 text-right @xl:table-cell">
            {t("evaluations.cases")}
          </th>
          <th scope="col" className="cell-head hidden w-28 text-right @xl:table-cell">
            {t("evaluations.evaluations")}
          </th>
          <th scope="col" className="cell-head w-36 @xl:w-52">
            {t("evaluations.latest")}
          </th>
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {suites.map((suite) => (
          <tr key={suite.id} className="hover:bg-hover" data-testid="suite-row">
            <td className="cell h-auto py-1.5 pl-0">
              <Link to="/admin/evaluations/suites/$suiteId" params={{ suiteId: suite.id }} data-row="" title={suite.name} className="block truncate font-medium hover:text-accent touch:py-2">
                {suite.name}
              </Link>
              <ClassificationLabel value={suite.classification} />
            </td>
            <td className="cell hidden text-right @xl:table-cell">{suite.cases}</td>
            <td className="cell hidden text-right @xl:table-cell">{suite.evaluations}</td>
            <td className="cell">
              {suite.latest === null ? (
                <span className="text-ink-3">{t("evaluations.never")}</span>
              ) : (
                <>
                  {formatShare(suite.latest.right.share)} {t("evaluations.right")}
                  {suite.latest_at !== null && (
                    <span className="hidden text-ink-2 @xl:inline">
                      {" · "}
                      <Time value={suite.latest_at} />
                    </span>
                  )}
                </>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
