import type { BudgetUnit } from "@/api/gateway-types";
import { formatNumber, language, numberFormat } from "./format";

const MICROS = 1_000_000;
/** What the server takes at most. */
export const MOST_MICROS = 1_000_000_000_000_000;

/** Small amounts keep the digits that tell them from nothing: a call may cost the thousandth part of a cent. */
function digits(micros: number): number {
  const size = Math.abs(micros);
  if (size === 0 || size >= MICROS) return 2;
  return size >= 10_000 ? 4 : 6;
}

/** An amount in millionths of the currency: `€12.50`, `$0.0042`. */
export function formatMoney(micros: number, currency: string): string {
  const value = micros / MICROS;
  const options = { minimumFractionDigits: 2, maximumFractionDigits: digits(micros) };
  // Not known yet.
  if (currency === "") return numberFormat(`m ${digits(micros)}`, options).format(value);
  return numberFormat(`m ${currency} ${digits(micros)}`, { style: "currency", currency, ...options }).format(value);
}

/** What a person typed into a field of numbers, in millionths or tokens; null where it is no amount that the server takes. */
export function amountOf(text: string, unit: BudgetUnit): number | null {
  if (text.trim() === "") return null;
  const value = Number(text);
  const amount = unit === "money" ? Math.round(value * MICROS) : value;
  return Number.isSafeInteger(amount) && amount >= 0 && amount <= MOST_MICROS ? amount : null;
}

/** The amount as a field of numbers takes it. */
export function amountText(amount: number, unit: BudgetUnit): string {
  return unit === "money" ? String(amount / MICROS) : String(amount);
}

/** `1.2M`, `340`. */
export function formatCompact(value: number): string {
  return numberFormat("compact", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

export function formatPercent(share: number): string {
  return numberFormat("percent", { style: "percent", maximumFractionDigits: share > 0 && share < 0.1 ? 1 : 0 }).format(share);
}

const STEPS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** `in 3 hours`; the largest unit that fits. */
export function formatUntil(time: string, now = Date.now()): string {
  const left = Math.max(0, Date.parse(time) - now);
  const [unit, ms] = STEPS.find(([, size]) => left >= size) ?? ["minute", 60_000];
  return new Intl.RelativeTimeFormat(language(), { numeric: "always" }).format(Math.max(1, Math.round(left / ms)), unit);
}

/** An amount of a budget with its unit. `tokens` names them. */
export function formatAmount(amount: number, unit: BudgetUnit, currency: string, tokens: (number: string) => string): string {
  return unit === "money" ? formatMoney(amount, currency) : tokens(formatNumber(amount));
}
