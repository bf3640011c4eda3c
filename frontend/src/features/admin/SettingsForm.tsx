import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { asProblem, type Problem } from "@/api/problem";
import { cx } from "@/lib/cx";
import { useDocumentTitle } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton } from "@/ui/parts";

interface SettingsPageProps<T> {
  title: string;
  text: string;
  query: UseQueryResult<T>;
  /** As wide as a text rather than as the window. */
  narrow?: boolean;
  children: (settings: T) => ReactNode;
}

/** A page of settings: its heading, and the form once what holds has been read. */
export function SettingsPage<T>({ title, text, query, narrow = false, children }: SettingsPageProps<T>) {
  useDocumentTitle(title);
  return (
    <div className="h-full overflow-y-auto">
      <div className={cx("px-4 pt-3 pb-10", narrow && "mx-auto max-w-3xl")}>
        <h1 className="text-lg font-semibold tracking-tight">{title}</h1>
        <p className="mb-4 max-w-[75ch] text-ink-2">{text}</p>
        {query.isPending && (
          <div className="space-y-3" aria-busy="true">
            <Skeleton className="h-40" />
            <Skeleton className="h-20" />
          </div>
        )}
        {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
        {query.isSuccess && children(query.data)}
      </div>
    </div>
  );
}

/** Somebody else saved meanwhile: what they saved can be read, and then this form begins anew. */
export function StaleNotice({ problem, onReread }: { problem: Problem | null; onReread: () => void }) {
  const { t } = useTranslation();
  if (problem?.code !== "stale_target") return null;
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2" data-testid="stale">
      <Button onClick={onReread}>{t("personalData.reread")}</Button>
      <span className="text-sm text-ink-2">{t("personalData.rereadText")}</span>
    </div>
  );
}

interface SaveBarProps {
  changed: boolean;
  pending: boolean;
  /** Was saved a moment ago. */
  saved: boolean;
  onDiscard: () => void;
  /** Stays in view while the form scrolls. */
  sticky?: boolean;
  children?: ReactNode;
}

/** Save and discard, below a form. */
export function SaveBar({ changed, pending, saved, onDiscard, sticky = false, children }: SaveBarProps) {
  const { t } = useTranslation();
  return (
    <div className={cx("flex flex-wrap items-center gap-2 border-t border-line", sticky ? "sticky bottom-0 bg-ground py-3" : "pt-4")}>
      <Button kind="primary" type="submit" disabled={!changed || pending}>
        {t("common.save")}
      </Button>
      {changed && (
        <Button kind="quiet" onClick={onDiscard}>
          {t("users.discard")}
        </Button>
      )}
      {children}
      <span role="status" className="text-sm text-ink-2">
        {saved && t("security.saved")}
      </span>
    </div>
  );
}
