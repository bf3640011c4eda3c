/** Days as a person names them, in their own time zone, and the moments at which they begin and end. */

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;

function midnight(day: string, plus: number): Date | null {
  const parts = DAY.exec(day);
  if (parts === null) return null;
  const [year, month, date] = parts.slice(1).map(Number) as [number, number, number];
  const moment = new Date(year, month - 1, date + plus);
  // Years below 100 mean others to this constructor, and the server takes none of them.
  return Number.isNaN(moment.getTime()) || year < 1000 ? null : moment;
}

/** The moment at which a day such as `2026-03-01` begins; null for what is no day. */
export function startOfDay(day: string): string | null {
  return midnight(day, 0)?.toISOString() ?? null;
}

/** The moment at which it is over. */
export function endOfDay(day: string): string | null {
  return midnight(day, 1)?.toISOString() ?? null;
}

function written(moment: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return `${String(moment.getFullYear()).padStart(4, "0")}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

/** The day of a moment. */
export function dayOf(moment: string): string {
  return written(new Date(moment));
}

/** The last day of a time that ends at this moment. */
export function lastDayOf(moment: string): string {
  return written(new Date(new Date(moment).getTime() - 1));
}
