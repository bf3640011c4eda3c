import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import type { Memory } from "@/api/memory-types";
import { Skeleton } from "@/ui/parts";
import { MEMORIES_KEY, MEMORIES_PATH } from "./queries";
import "./texts";

/** What a step was given of what the person had remembered. What is forgotten by now is not shown again. */
export function Recalled({ ids }: { ids: readonly string[] }) {
  const { t } = useTranslation();
  const memories = useQueries({
    queries: ids.map((id) => ({
      queryKey: [...MEMORIES_KEY, "one", id],
      queryFn: ({ signal }: { signal: AbortSignal }) => getJson<Memory>(`${MEMORIES_PATH}/${id}`, undefined, signal),
      retry: false,
    })),
  });
  return (
    <div className="mt-1" data-testid="recalled">
      <p>
        <Link to="/memory" className="underline underline-offset-2 hover:text-ink">
          {t("memory.recalled")}
        </Link>
      </p>
      <ul className="list-disc pl-5 text-ink-3 [overflow-wrap:anywhere]">
        {memories.map(({ data, isPending }, index) => (
          <li key={ids[index]}>{isPending ? <Skeleton className="h-3.5 w-48" /> : (data?.text ?? t("memory.recalledGone"))}</li>
        ))}
      </ul>
    </div>
  );
}
