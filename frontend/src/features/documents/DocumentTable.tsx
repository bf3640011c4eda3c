import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Document } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatBytes, formatNumber } from "@/lib/format";
import { LabelChips } from "@/ui/LabelChips";
import { Time } from "@/ui/parts";
import { VersionStatus } from "./StageProgress";

interface DocumentTableProps {
  documents: Document[];
  current: string | undefined;
}

/** The columns follow the width of the list, not of the window: beside open details only the first ones stay. */
export function DocumentTable({ documents, current }: DocumentTableProps) {
  const { t } = useTranslation();
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("documents.title")}</caption>
      <thead className="sticky top-0 z-10">
        <tr>
          <th scope="col" className="cell-head pl-4">
            {t("documents.name")}
          </th>
          <th scope="col" className="cell-head hidden w-32 @2xl:table-cell @3xl:w-48">
            {t("documents.classification")}
          </th>
          <th scope="col" className="cell-head w-40 @2xl:w-60">
            {t("documents.statusColumn")}
          </th>
          <th scope="col" className="cell-head hidden w-28 @4xl:table-cell">
            {t("documents.format")}
          </th>
          <th scope="col" className="cell-head hidden w-18 text-right @4xl:table-cell">
            {t("documents.version")}
          </th>
          <th scope="col" className="cell-head hidden w-18 text-right @4xl:table-cell">
            {t("documents.pages")}
          </th>
          <th scope="col" className="cell-head hidden w-24 text-right @3xl:table-cell">
            {t("documents.size")}
          </th>
          <th scope="col" className="cell-head hidden w-28 pr-4 @2xl:table-cell">
            {t("documents.updated")}
          </th>
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {documents.map((document) => (
          <Row key={document.id} document={document} selected={document.id === current} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ document, selected }: { document: Document; selected: boolean }) {
  const { t } = useTranslation();
  const { latest } = document;
  return (
    <tr className={cx("group", selected ? "bg-accent-soft" : "hover:bg-hover")} data-testid="document-row">
      <td className="cell truncate pl-4">
        <Link
          from="/documents/{-$documentId}"
          to="/documents/{-$documentId}"
          params={{ documentId: document.id }}
          search={(old) => ({ q: old.q, status: old.status, tag: old.tag })}
          data-row=""
          data-selected={selected}
          title={document.name}
          className="block truncate py-1 font-medium hover:text-accent touch:pt-2 touch:@2xl:py-3"
        >
          {document.name}
        </Link>
        <span className="hidden pb-2 touch:block touch:@2xl:hidden">
          <LabelChips compact label={document} />
        </span>
      </td>
      <td className="cell hidden @2xl:table-cell">
        <LabelChips compact label={document} />
      </td>
      <td className="cell truncate">
        <VersionStatus version={latest} />
      </td>
      <td className="cell hidden text-ink-2 @4xl:table-cell">{t(`documents.formats.${document.format}`)}</td>
      <td className="cell hidden text-right text-ink-2 @4xl:table-cell">{formatNumber(latest.number)}</td>
      <td className="cell hidden text-right text-ink-2 @4xl:table-cell">{latest.page_count === null ? "–" : formatNumber(latest.page_count)}</td>
      <td className="cell hidden text-right whitespace-nowrap text-ink-2 @3xl:table-cell">{formatBytes(latest.size_bytes)}</td>
      <td className="cell hidden pr-4 text-ink-2 @2xl:table-cell">
        <Time value={document.updated_at} />
      </td>
    </tr>
  );
}
