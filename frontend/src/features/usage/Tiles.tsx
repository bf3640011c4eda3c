import { useTranslation } from "react-i18next";
import type { UsageTotals } from "@/api/gateway-types";
import { formatNumber } from "@/lib/format";
import { formatCompact, formatMoney } from "@/lib/money";

/** What a period came to. */
export function Tiles({ total, currency }: { total: UsageTotals; currency: string }) {
  const { t } = useTranslation();
  const note = (count: number, text: string) => (count > 0 ? text : null);
  return (
    <dl aria-label={t("usage.figures")} className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line @2xl:grid-cols-5" data-testid="tiles">
      <Tile wide name={t("usage.cost")} value={formatMoney(total.cost_micros, currency)} />
      <Tile
        name={t("usage.calls")}
        value={formatNumber(total.calls)}
        note={note(total.incomplete_calls, t("usage.incomplete", { count: total.incomplete_calls, number: formatNumber(total.incomplete_calls) }))}
      />
      <Tile name={t("usage.gpu")} value={formatNumber(Math.round(total.gpu_seconds * 10) / 10)} />
      <Tile name={t("usage.tokensIn")} value={formatCompact(total.input_tokens)} exact={formatNumber(total.input_tokens)} note={note(total.cached_tokens, t("usage.cached", { number: formatCompact(total.cached_tokens) }))} />
      <Tile name={t("usage.tokensOut")} value={formatCompact(total.output_tokens)} exact={formatNumber(total.output_tokens)} note={note(total.reasoning_tokens, t("usage.reasoning", { number: formatCompact(total.reasoning_tokens) }))} />
    </dl>
  );
}

function Tile({ name, value, exact, note = null, wide = false }: { name: string; value: string; exact?: string; note?: string | null; wide?: boolean }) {
  return (
    <div className={`bg-ground px-3 py-2 ${wide ? "col-span-2 @2xl:col-span-1" : ""}`}>
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="text-xl font-semibold tracking-tight tabular-nums" title={exact}>
        {value}
      </dd>
      {note !== null && <dd className="text-xs text-ink-2">{note}</dd>}
    </div>
  );
}
