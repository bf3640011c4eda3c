import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton } from "@/ui/parts";

interface ListStateProps {
  query: {
    isPending: boolean;
    error: Error | null;
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    items: readonly unknown[];
    refetch: () => unknown;
    fetchNextPage: () => unknown;
  };
  empty: ReactNode;
  children: ReactNode;
}

/** A list within a page: loading, failed, empty, or there, with the rest to load. */
export function ListState({ query, empty, children }: ListStateProps) {
  const { t } = useTranslation();
  if (query.isPending) {
    return (
      <div className="space-y-2" aria-busy="true">
        <Skeleton className="h-8" />
        <Skeleton className="h-8 w-11/12" />
      </div>
    );
  }
  if (query.error !== null) return <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />;
  if (query.items.length === 0) return empty;
  return (
    <>
      {children}
      {query.hasNextPage && (
        <Button className="mt-3" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t("common.more")}
        </Button>
      )}
    </>
  );
}
