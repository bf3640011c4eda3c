import { Cpu } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Models } from "@/api/gateway-types";
import { asProblem } from "@/api/problem";
import { useDocumentTitle, useFlash } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton } from "@/ui/parts";
import { useSettings } from "../policy/queries";
import { EndpointTable } from "./EndpointTable";
import { ModelTable } from "./ModelTable";
import { useModels } from "./queries";
import { RoutingForm } from "./RoutingForm";
import { TryPrompt } from "./TryPrompt";
import { VectorModels } from "./VectorModels";

/** The models, their servers, and how a request finds its model. */
export function ModelsPage() {
  const { t } = useTranslation();
  const query = useModels();
  const mayTry = useMay("usage:read");
  const mayCount = useMay("metrics:read");
  useDocumentTitle(t("models.title"));
  const connected = query.isSuccess && query.data.models.some(({ kind }) => kind === "chat");
  return (
    <div className="h-full overflow-y-auto">
      <div className="px-4 pt-3 pb-10">
        <h1 className="text-lg font-semibold tracking-tight">{t("models.title")}</h1>
        <p className="mb-4 max-w-[75ch] text-ink-2">{t("models.text")}</p>
        {query.isPending && (
          <div className="space-y-4" aria-busy="true">
            <Skeleton className="h-40" />
            <Skeleton className="h-28" />
          </div>
        )}
        {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
        {query.isSuccess && (
          <>
            {!connected && <NoModel />}
            <Lists models={query.data} />
          </>
        )}
        {mayCount && (
          <Part title={t("models.vectors")} text={t("models.vectorsText")}>
            <VectorModels />
          </Part>
        )}
        <div className="grid grid-cols-1 gap-x-10 xl:grid-cols-2">
          <Part title={t("models.choosing")} text={t("models.choosingText")}>
            <Routing />
          </Part>
          {mayTry && connected && (
            <Part title={t("models.try")} text={t("models.tryText")}>
              <TryPrompt />
            </Part>
          )}
        </div>
      </div>
    </div>
  );
}

function Part({ title, text, children }: { title: string; text: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="@container min-w-0 border-t border-line py-5">
      <h2 className="text-md font-semibold">{title}</h2>
      <p className="mb-3 max-w-[75ch] text-ink-2">{text}</p>
      {children}
    </section>
  );
}

function Lists({ models: { models, endpoints, currency, prefer } }: { models: Models }) {
  const { t } = useTranslation();
  if (models.length === 0 && endpoints.length === 0) return null;
  return (
    <>
      <Part title={t("models.list")} text={t(`models.prefer.${prefer}`)}>
        <ModelTable models={models} currency={currency} />
      </Part>
      <Part title={t("models.endpoints")} text={t("models.asOf")}>
        <EndpointTable endpoints={endpoints} />
      </Part>
    </>
  );
}

/** Only the built-in answerer is there: says how to connect a model. */
function NoModel() {
  const { t } = useTranslation();
  return (
    <div className="mb-6 rounded-lg border border-line" data-testid="no-model">
      <EmptyState icon={<Cpu size={28} />} title={t("models.none")} text={t("models.noneText")}>
        <dl className="max-w-full min-w-0 space-y-2 text-left">
          <Way text={t("models.noneOllama")} setting="OLLAMA_BASE_URL=http://127.0.0.1:11434" />
          <Way text={t("models.noneFile")} setting="MODELS_FILE=/etc/millwright/models.yaml" />
        </dl>
      </EmptyState>
    </div>
  );
}

function Way({ text, setting }: { text: string; setting: string }) {
  return (
    <div>
      <dt className="text-sm text-ink-2">{text}</dt>
      <dd className="mt-0.5 rounded-sm bg-sunken px-2 py-1 font-mono text-sm [overflow-wrap:anywhere] select-all">{setting}</dd>
    </div>
  );
}

function Routing() {
  const query = useSettings();
  // Above the form, which begins anew with what was saved.
  const [saved, flash] = useFlash(3000);
  if (query.isPending) return <Skeleton className="h-32 max-w-xl" />;
  if (query.isError) return <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />;
  return <RoutingForm key={`${query.data.version} ${query.dataUpdatedAt}`} settings={query.data} saved={saved} onSaved={flash} onReread={() => void query.refetch()} />;
}
