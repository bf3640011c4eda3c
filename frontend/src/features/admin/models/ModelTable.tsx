import { useTranslation } from "react-i18next";
import type { Model, Price } from "@/api/gateway-types";
import { formatNumber } from "@/lib/format";
import { formatCompact, formatMoney } from "@/lib/money";

/** The models, what they can and cost, and where they run. */
export function ModelTable({ models, currency }: { models: readonly Model[]; currency: string }) {
  const { t } = useTranslation();
  return (
    <table className="w-full border-separate border-spacing-0">
      <caption className="sr-only">{t("models.list")}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head pl-0">
            {t("models.name")}
          </th>
          <th scope="col" className="cell-head hidden @lg:table-cell">
            {t("models.tiers")}
          </th>
          <th scope="col" className="cell-head hidden text-right @2xl:table-cell">
            {t("models.context")}
          </th>
          <th scope="col" className="cell-head">
            {t("models.price")}
          </th>
          <th scope="col" className="cell-head hidden @4xl:table-cell">
            {t("models.can")}
          </th>
          <th scope="col" className="cell-head hidden pr-0 @2xl:table-cell">
            {t("models.runsOn")}
          </th>
        </tr>
      </thead>
      <tbody className="[&>tr:last-child>*]:border-b-0">
        {models.map((model) => (
          <Row key={model.name} model={model} currency={currency} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ model, currency }: { model: Model; currency: string }) {
  const { t } = useTranslation();
  const tiers = model.tiers.map((tier) => t(`tiers.${tier}`)).join(", ");
  const can = [t(`models.capabilities.${model.kind === "embedding" ? "embedding" : "chat"}`), ...(["tools", "json_schema", "images", "logprobs"] as const).filter((name) => model[name]).map((name) => t(`models.capabilities.${name}`))];
  const places = model.endpoints.map((target) => ({ ...target, as: target.model === model.name ? null : t("models.runsOnAs", { model: target.model }) }));
  return (
    <tr data-testid="model-row">
      <th scope="row" className="cell py-1.5 pl-0 text-left align-top font-medium [overflow-wrap:anywhere]">
        {model.name}
        <span className="block text-xs font-normal text-ink-2 @lg:hidden">{tiers}</span>
        <span className="block text-xs font-normal text-ink-3 @2xl:hidden">{places.map(({ endpoint }) => endpoint).join(", ")}</span>
      </th>
      <td className="cell hidden py-1.5 align-top @lg:table-cell">{tiers === "" ? "–" : tiers}</td>
      <td className="cell hidden py-1.5 text-right align-top whitespace-nowrap tabular-nums @2xl:table-cell" title={t("models.contextTokens", { number: formatNumber(model.context_tokens) })}>
        {formatCompact(model.context_tokens)}
      </td>
      <td className="cell py-1.5 align-top tabular-nums">
        <PriceText price={model.price} currency={currency} />
      </td>
      <td className="cell hidden py-1.5 align-top text-ink-2 @4xl:table-cell">{can.join(", ")}</td>
      <td className="cell hidden py-1.5 pr-0 align-top @2xl:table-cell">
        <ul>
          {places.map(({ endpoint, as }) => (
            <li key={endpoint} className="[overflow-wrap:anywhere]">
              {endpoint} {as !== null && <span className="text-ink-3">{as}</span>}
            </li>
          ))}
        </ul>
      </td>
    </tr>
  );
}

function PriceText({ price, currency }: { price: Price; currency: string }) {
  const { t } = useTranslation();
  switch (price.kind) {
    case "free":
      return t("models.free");
    case "gpu_second":
      return t("models.gpuSecond", { price: formatMoney(price.micros, currency) });
    case "tokens":
      return (
        <>
          {t("models.perMillion", { input: formatMoney(price.input_micros, currency), output: formatMoney(price.output_micros, currency) })}
          {price.cached_micros !== price.input_micros && <span className="block text-xs text-ink-3">{t("models.cachedPrice", { price: formatMoney(price.cached_micros, currency) })}</span>}
        </>
      );
  }
}
