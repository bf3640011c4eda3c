import { useEffect, useState, useSyncExternalStore } from "react";

export function useMediaQuery(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const list = window.matchMedia(query);
      list.addEventListener("change", listener);
      return () => list.removeEventListener("change", listener);
    },
    () => window.matchMedia(query).matches,
  );
}

/** Wide enough for details beside the list. */
export function useIsWide(): boolean {
  return useMediaQuery("(min-width: 64rem)");
}

export function useDocumentTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "Millwright" : `${title} · Millwright`;
  }, [title]);
}

/** The value, once it has stayed the same for `ms`. */
export function useDebounced<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

/** True for a moment after `mark()`, for instance to say "Copied". */
export function useFlash(ms: number): [boolean, () => void] {
  const [until, setUntil] = useState(0);
  useEffect(() => {
    if (until === 0) return;
    const timer = setTimeout(() => setUntil(0), ms);
    return () => clearTimeout(timer);
  }, [until, ms]);
  return [until !== 0, () => setUntil(Date.now())];
}

/** Whole seconds until a time, down to nought. */
export function useSecondsUntil(time: number): number {
  return useSyncExternalStore(
    (listener) => {
      if (time <= Date.now()) return () => undefined;
      const timer = setInterval(() => {
        listener();
        if (time <= Date.now()) clearInterval(timer);
      }, 250);
      return () => clearInterval(timer);
    },
    () => Math.max(0, Math.ceil((time - Date.now()) / 1000)),
  );
}
