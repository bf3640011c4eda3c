import { useTranslation } from "react-i18next";
import { useModels } from "@/features/admin/models/queries";
import { useMay } from "@/lib/may";
import { Copyable } from "@/ui/Copyable";

const AGENT = "millwright-agent";

/** How a program that speaks the OpenAI API is pointed here. */
export function OpenAiPanel() {
  const { t } = useTranslation();
  const models = useModels({ enabled: useMay("configuration:read"), once: true });
  const base = `${window.location.origin}/v1`;
  const names = models.data?.models.map(({ name }) => name) ?? [];
  return (
    <section aria-labelledby="openai" className="mt-4 rounded-lg border border-line p-3" data-testid="openai">
      <h3 id="openai" className="font-semibold">
        {t("openai.title")}
      </h3>
      <p className="mb-2 text-sm text-ink-2">{t("openai.text")}</p>
      <dl className="grid grid-cols-1 gap-x-4 gap-y-1.5 text-sm sm:grid-cols-[auto_1fr]">
        <dt className="text-ink-2">{t("openai.baseUrl")}</dt>
        <dd className="min-w-0">
          <Copyable text={base} label={t("openai.baseUrl")} />
        </dd>
        <dt className="text-ink-2">{t("openai.keyField")}</dt>
        <dd>{t("openai.keyText")}</dd>
        <dt className="text-ink-2">{t("openai.models")}</dt>
        <dd className="min-w-0">
          <ul>
            <li className="flex min-h-6 flex-wrap items-center gap-x-2 touch:min-h-11">
              <Copyable text={AGENT} label={AGENT} />
              <span className="text-ink-2">{t("openai.agentText")}</span>
            </li>
            {names.map((name) => (
              <li key={name} className="flex min-h-6 items-center touch:min-h-11">
                <Copyable text={name} label={name} />
              </li>
            ))}
          </ul>
          <p className="text-xs text-ink-3">{t("openai.modelsAll", { path: "/v1/models" })}</p>
        </dd>
      </dl>
    </section>
  );
}
