import { useTranslation } from "react-i18next";
import type { EmbeddingModel } from "@/api/gateway-types";
import { asProblem } from "@/api/problem";
import { formatNumber } from "@/lib/format";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton, Status, type Tone } from "@/ui/parts";
import { useEmbeddings } from "./queries";

/** What makes the vectors of documents and questions, and how far its successor has come. */
export function VectorModels() {
  const query = useEmbeddings();
  if (query.isPending) return <Skeleton className="h-12 max-w-xl" />;
  if (query.isError) return <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />;
  const { serving, building } = query.data;
  return (
    <ul className="max-w-3xl space-y-2 tabular-nums">
      <Line model={serving} serves />
      {building !== null && <Line model={building} serves={false} />}
    </ul>
  );
}

function Line({ model, serves }: { model: EmbeddingModel; serves: boolean }) {
  const { t } = useTranslation();
  const [tone, word] = state(model, serves);
  const shown = { done: formatNumber(model.done), total: formatNumber(model.total) };
  return (
    <li data-testid="vector-model" className="flex flex-wrap items-baseline gap-x-4 gap-y-1">
      <span className="font-medium [overflow-wrap:anywhere]">{model.name}</span>
      <span className="text-ink-3">{t("models.vectorNumbers", { number: formatNumber(model.dimensions) })}</span>
      <Status tone={tone}>{t(`models.vectorStates.${word}`)}</Status>
      <span className="text-ink-2">{t("models.vectorsDone", shown)}</span>
      {model.withheld > 0 && <span className="text-ink-2">{t("models.vectorsWithheld", { number: formatNumber(model.withheld) })}</span>}
    </li>
  );
}

function state(model: EmbeddingModel, serves: boolean): [Tone, "serving" | "building" | "waits" | "absent"] {
  if (!model.available) return ["danger", "absent"];
  if (serves) return ["accent", "serving"];
  return model.waits_for_index ? ["caution", "waits"] : ["caution", "building"];
}
