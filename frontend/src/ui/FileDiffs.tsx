import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import type { DiffLine, FileDiff } from "@/lib/diff";

const SIGNS = { same: " ", added: "+", removed: "−" } as const;

/** What changes, line by line; a sign beside the colour, and a word for those who do not see either. */
export function FileDiffs({ diffs }: { diffs: readonly FileDiff[] }) {
  return (
    <div className="space-y-4">
      {diffs.map((file) => (
        <div key={file.name} data-testid="file-diff">
          <p className="mb-1 font-mono text-sm font-medium">{file.name}</p>
          {/* The scrolling region takes the focus, so that it can be scrolled from the keyboard. */}
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
          <div role="region" tabIndex={0} aria-label={file.name} className="overflow-x-auto rounded-md border border-line bg-ground py-1 font-mono text-sm [font-variant-ligatures:none]">
            {file.lines.map((line, at) => (
              <Line key={at} line={line} />
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}

function Line({ line }: { line: DiffLine }) {
  const { t } = useTranslation();
  if (line.kind === "skipped") return <div className="bg-sunken px-3 py-0.5 font-sans text-xs text-ink-3">{t("common.diff.skipped", { count: line.count })}</div>;
  const number = line.kind === "removed" ? line.before : line.after;
  return (
    <div className={cx("w-max min-w-full pr-3 whitespace-pre", line.kind === "added" && "bg-accent-soft", line.kind === "removed" && "bg-danger-soft")} data-kind={line.kind}>
      <span aria-hidden="true" className="mr-2 inline-block w-10 text-right text-ink-2 select-none">
        {number}
      </span>
      <span aria-hidden="true" className={cx("mr-2 select-none", line.kind === "added" && "text-accent", line.kind === "removed" && "text-danger")}>
        {SIGNS[line.kind]}
      </span>
      {line.kind !== "same" && <span className="sr-only">{t(`common.diff.${line.kind}`)} </span>}
      {line.text}
    </div>
  );
}
