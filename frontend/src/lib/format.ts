import i18n from "i18next";

const DAY_MS = 86_400_000;

/** The region's habits where the browser names one for the chosen language: `en-GB` rather than `en`. */
export function language(): string {
  const chosen = i18n.resolvedLanguage ?? "en";
  // Outside a browser, as in a test of a function, no region is known.
  const known = typeof navigator === "undefined" ? [] : (navigator.languages as readonly string[] | undefined) ?? [];
  return known.find((candidate) => candidate.startsWith(chosen)) ?? chosen;
}

const cache = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat>();

function dateFormat(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language()} ${name}`;
  const format = (cache.get(key) as Intl.DateTimeFormat | undefined) ?? new Intl.DateTimeFormat(language(), options);
  cache.set(key, format);
  return format;
}

export function numberFormat(name: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${language()} ${name}`;
  const format = (cache.get(key) as Intl.NumberFormat | undefined) ?? new Intl.NumberFormat(language(), options);
  cache.set(key, format);
  return format;
}

export function formatNumber(value: number): string {
  return numberFormat("n", {}).format(value);
}

/** `1.4 MB`: decimal units, as file managers show them. */
export function formatBytes(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return numberFormat(`bytes ${unit} ${value < 10 ? 1 : 0}`, {
    style: "unit",
    unit: units[unit] ?? "byte",
    unitDisplay: unit === 0 ? "long" : "short",
    maximumFractionDigits: unit > 0 && value < 10 ? 1 : 0,
  }).format(value);
}

/** `340 ms`, `2.1 s`, `3 min 20 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${formatNumber(Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${numberFormat("s", { maximumFractionDigits: 1 }).format(seconds)} s`;
  return `${formatNumber(Math.floor(seconds / 60))} min ${Math.round(seconds % 60)} s`;
}

/** Date and time of day, local. */
export function formatDateTime(time: string): string {
  return dateFormat("dt", { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}

/** To the second; the year only where it is not this one. */
export function formatDateTimeSeconds(time: string, now = Date.now()): string {
  const date = new Date(time);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  const parts = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
  return sameYear ? dateFormat("mdts", parts).format(date) : dateFormat("dts", { ...parts, year: "numeric" }).format(date);
}

/** The time of day if it was today, else the date. */
export function formatShort(time: string, now = Date.now()): string {
  const date = new Date(time);
  if (startOfDay(date.getTime()) === startOfDay(now)) return dateFormat("t", { timeStyle: "short" }).format(date);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return sameYear
    ? dateFormat("md", { day: "numeric", month: "short" }).format(date)
    : dateFormat("d", { dateStyle: "medium" }).format(date);
}

/** For the hover: `2026-03-01 14:22:05 UTC`. */
export function formatUtc(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

export type Age = "today" | "yesterday" | "week" | "month" | "older";

export function ageOf(time: string, now = Date.now()): Age {
  // Rounded, because a day of the clock change has 23 or 25 hours.
  const days = Math.round((startOfDay(now) - startOfDay(new Date(time).getTime())) / DAY_MS);
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  if (days < 7) return "week";
  return days < 30 ? "month" : "older";
}

/** `0:42`, `12:05`. */
export function formatCountdown(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** A day in UTC, such as `2026-03-01`: `1 Mar`, or with its weekday and year. */
export function formatDay(day: string, long = false): string {
  const date = new Date(`${day}T00:00:00Z`);
  return long
    ? dateFormat("utc day", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" }).format(date)
    : dateFormat("utc md", { timeZone: "UTC", day: "numeric", month: "short" }).format(date);
}

/** A score between 0 and 1: `0.71`. */
export function formatScore(score: number): string {
  return numberFormat("score", { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(score);
}
