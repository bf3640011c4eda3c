import { useEffect, useRef } from "react";
import { shortcutsPreference } from "./preferences";

/** Keys as `KeyboardEvent.key` names them; `g c` is one after the other within a second. */
export type Hotkeys = Record<string, (event: KeyboardEvent) => void>;

const SEQUENCE_MS = 1000;
const PREFIX = "g";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

/** Listens while mounted. Silent while the person types, holds a modifier, or a dialog or menu is open. */
export function useHotkeys(keys: Hotkeys): void {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    let first = "";
    let at = 0;
    const listener = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const escape = event.key === "Escape";
      if (!escape && (shortcutsPreference.get() === "off" || isTyping(event.target))) return;
      if (document.querySelector("[role=dialog][data-modal], [role=alertdialog], [role=menu]") !== null) return;
      const second = first === PREFIX && event.timeStamp - at < SEQUENCE_MS;
      // The second key of `g u` belongs to it alone: on a page where `u` alone does something, that must not happen as well.
      const action = current.current[second && !escape ? `${PREFIX} ${event.key}` : event.key];
      first = event.key;
      at = event.timeStamp;
      if (action === undefined) return;
      if (!escape) event.preventDefault();
      action(event);
    };
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
  }, []);
}

/** Moves the focus among the elements marked `data-row` inside `container`. */
export function moveRowFocus(container: HTMLElement | null, step: 1 | -1): void {
  if (container === null) return;
  const rows = [...container.querySelectorAll<HTMLElement>("[data-row]")];
  if (rows.length === 0) return;
  const focused = rows.findIndex((row) => row.contains(document.activeElement));
  const current = focused === -1 ? rows.findIndex((row) => row.dataset["selected"] === "true") : focused;
  const next = current === -1 ? (step === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, current + step));
  const row = rows[next];
  row?.focus();
  row?.scrollIntoView({ block: "nearest" });
}

export function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>("[data-search]");
  field?.focus();
  field?.select();
}
