import { useTranslation } from "react-i18next";
import type { Candidate } from "@/api/gateway-types";
import { cx } from "@/lib/cx";
import { formatNumber } from "@/lib/format";
import { formatMoney } from "@/lib/money";

interface CandidatesProps {
  candidates: readonly Candidate[];
  /** Undefined while it is not known; then costs are left out. */
  currency: string | undefined;
  caption: string;
}

/** Every model with what became of it and what it would have cost. */
export function Candidates({ candidates, currency, caption }: CandidatesProps) {
  const { t } = useTranslation();
  const fateOf = useFate();
  return (
    <table className="w-full border-separate border-spacing-0 text-sm" data-testid="candidates">
      <caption className="sr-only">{caption}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head bg-transparent pl-0">
            {t("route.model")}
          </th>
          <th scope="col" className="cell-head bg-transparent">
            {t("route.fate")}
          </th>
          {currency !== undefined && (
            <th scope="col" className="cell-head bg-transparent pr-0 text-right">
              {t("route.mostCost")}
            </th>
          )}
        </tr>
      </thead>
      <tbody className="[&>tr:last-child>*]:border-b-0">
        {candidates.map((candidate) => (
          <tr key={candidate.model} data-testid="candidate" data-fate={candidate.fate}>
            <th scope="row" className="cell min-w-24 py-1 pl-0 text-left align-top font-normal [overflow-wrap:anywhere]">
              <span className={cx(candidate.fate === "chosen" && "font-semibold")}>{candidate.model}</span>
              <span className="block text-xs text-ink-3">{candidate.tiers.map((tier) => t(`tiers.${tier}`)).join(", ")}</span>
            </th>
            <td className={cx("cell py-1 align-top", candidate.fate === "chosen" ? "font-medium text-accent" : "text-ink-2")}>{fateOf(candidate)}</td>
            {currency !== undefined && (
              <td className="cell py-1 pr-0 text-right align-top whitespace-nowrap tabular-nums">{candidate.most_micros === 0 ? t("route.free") : formatMoney(candidate.most_micros, currency)}</td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What became of a model, in a sentence. */
function useFate() {
  const { t } = useTranslation();
  return (candidate: Candidate): string => {
    switch (candidate.fate) {
      case "label_denied":
        return t("route.fates.label_denied", { why: candidate.why });
      case "too_long":
        return t("route.fates.too_long", { number: formatNumber(candidate.context_tokens) });
      case "cannot_do":
        return t("route.fates.cannot_do", { what: t(`models.capabilities.${candidate.what}`) });
      default:
        return t(`route.fates.${candidate.fate}`);
    }
  };
}
