import { Link, type ErrorComponentProps } from "@tanstack/react-router";
import { MapPinOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { asProblem, type Problem } from "@/api/problem";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton } from "@/ui/parts";

export function NotFoundPage() {
  const { t } = useTranslation();
  return (
    <main className="flex h-full items-center justify-center">
      <EmptyState page icon={<MapPinOff size={28} />} title={t("app.notFound")} text={t("app.notFoundText")}>
        <Link to="/" className="font-medium text-accent underline underline-offset-2">
          {t("app.toStart")}
        </Link>
      </EmptyState>
    </main>
  );
}

export function ErrorPage({ error, reset }: ErrorComponentProps) {
  return (
    <div className="mx-auto max-w-2xl p-4 pt-16">
      <ProblemNotice problem={asProblem(error)} onRetry={reset} />
    </div>
  );
}

/** It is not known who is signed in, because the server does not say. */
export function StartFailure({ problem }: { problem: Problem }) {
  return (
    <main className="mx-auto max-w-2xl p-4 pt-16">
      <ProblemNotice problem={problem} onRetry={() => window.location.reload()} />
    </main>
  );
}

export function PageSkeleton() {
  return (
    <div className="space-y-3 p-6" aria-busy="true">
      <Skeleton className="h-6 w-48" />
      <Skeleton className="h-8 w-full max-w-xl" />
      <Skeleton className="h-64 w-full" />
    </div>
  );
}
