import { useTranslation } from "react-i18next";
import type { Endpoint, Health } from "@/api/gateway-types";
import { formatDuration, formatNumber } from "@/lib/format";
import { ClassificationLabel, Status, type Tone } from "@/ui/parts";

const TONES: Record<Health, Tone> = { up: "accent", probing: "caution", down: "danger" };

/** The servers behind the models, and how they are now. */
export function EndpointTable({ endpoints }: { endpoints: readonly Endpoint[] }) {
  const { t } = useTranslation();
  return (
    <table className="w-full border-separate border-spacing-0">
      <caption className="sr-only">{t("models.endpoints")}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head pl-0">
            {t("models.endpoint")}
          </th>
          <th scope="col" className="cell-head">
            {t("models.health")}
          </th>
          <th scope="col" className="cell-head hidden text-right @md:table-cell">
            {t("models.running")}
          </th>
          <th scope="col" className="cell-head hidden text-right @md:table-cell">
            {t("models.waiting")}
          </th>
          <th scope="col" className="cell-head hidden text-right @xl:table-cell" title={t("models.latencyText")}>
            {t("models.latency")}
          </th>
          <th scope="col" className="cell-head hidden @3xl:table-cell">
            {t("models.where")}
          </th>
          <th scope="col" className="cell-head pr-0" title={t("models.upToText")}>
            {t("models.upTo")}
          </th>
        </tr>
      </thead>
      <tbody className="tabular-nums [&>tr:last-child>*]:border-b-0">
        {endpoints.map((endpoint) => (
          <Row key={endpoint.name} endpoint={endpoint} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation();
  const where = t(endpoint.leaves_site ? "models.leavesSite" : "models.staysHere");
  return (
    <tr data-testid="endpoint-row" data-health={endpoint.health}>
      <th scope="row" className="cell py-1.5 pl-0 text-left align-top font-medium [overflow-wrap:anywhere]">
        {endpoint.name} <span className="font-normal text-ink-3">{endpoint.provider}</span>
        <span className="block text-xs font-normal text-ink-2 @3xl:hidden">
          {t("models.where")} {where}
        </span>
      </th>
      <td className="cell py-1.5 align-top" title={t(`models.healthTexts.${endpoint.health}`)}>
        <Status tone={TONES[endpoint.health]}>{t(`models.healths.${endpoint.health}`)}</Status>
        <span className="block text-xs text-ink-2 @md:hidden">
          {t("models.running")} {formatNumber(endpoint.running)} · {t("models.waiting")} {formatNumber(endpoint.waiting)}
        </span>
      </td>
      <td className="cell hidden py-1.5 text-right align-top @md:table-cell">{formatNumber(endpoint.running)}</td>
      <td className="cell hidden py-1.5 text-right align-top @md:table-cell">{formatNumber(endpoint.waiting)}</td>
      <td className="cell hidden py-1.5 text-right align-top whitespace-nowrap text-ink-2 @xl:table-cell">{endpoint.service_ms === 0 ? t("models.notYet") : formatDuration(endpoint.service_ms)}</td>
      <td className="cell hidden py-1.5 align-top @3xl:table-cell">{where}</td>
      <td className="cell py-1.5 pr-0 align-top">
        <ClassificationLabel value={endpoint.max_classification} />
      </td>
    </tr>
  );
}
