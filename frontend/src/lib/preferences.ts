import { Store } from "./store";

function readLocal(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** A small choice of this person on this machine, kept in localStorage. */
export function preference<T extends string>(key: string, allowed: readonly T[], fallback: T): Store<T> {
  const stored = readLocal(key);
  const store = new Store<T>(allowed.find((value) => value === stored) ?? fallback);
  store.subscribe(() => {
    try {
      localStorage.setItem(key, store.get());
    } catch {
      // Without storage the choice lasts until the page is left.
    }
  });
  return store;
}

/** Single-key shortcuts can be switched off: speech input and some assistive tools trip over them (WCAG 2.1.4). */
export const shortcutsPreference = preference("millwright.shortcuts", ["on", "off"], "on");
