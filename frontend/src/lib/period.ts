/** Days are days in UTC: usage is summed up by them, and budgets begin anew with them. */
export const USAGE_PERIODS = ["today", "7d", "30d", "month", "own"] as const;
export type UsagePeriod = (typeof USAGE_PERIODS)[number];
export const USUAL_PERIOD: UsagePeriod = "30d";

const DAY_MS = 86_400_000;
/** What the server sums up at once. */
const MOST_DAYS = 400;

export interface Span {
  from: string;
  /** The first moment that is not within. */
  to: string;
}

/** `2026-03-01`, in UTC. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** The beginning of a day; NaN where the text is none. */
function beginOf(day: string): number {
  return /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN;
}

function span(from: number, to: number): Span {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

/** The time that a choice stands for. It ends with the day, so that it stays the same all day long. Days of one's own may be given
 *  in either order; what is missing or no day is today. */
export function spanOf(period: UsagePeriod, own: { from?: string | undefined; to?: string | undefined }, now: number): Span {
  const today = beginOf(dayOf(now));
  const end = today + DAY_MS;
  switch (period) {
    case "today":
      return span(today, end);
    case "7d":
      return span(end - 7 * DAY_MS, end);
    case "30d":
      return span(end - 30 * DAY_MS, end);
    case "month":
      return span(beginOf(`${dayOf(now).slice(0, 7)}-01`), end);
    case "own": {
      const days = [own.from, own.to].map((day) => beginOf(day ?? "")).map((day) => (Number.isNaN(day) ? today : day));
      const last = Math.max(...days);
      return span(Math.max(Math.min(...days), last - (MOST_DAYS - 1) * DAY_MS), last + DAY_MS);
    }
  }
}

/** Every day within, the first first. */
export function daysOf({ from, to }: Span): string[] {
  const days: string[] = [];
  for (let day = Date.parse(from); day < Date.parse(to); day += DAY_MS) days.push(dayOf(day));
  return days;
}
