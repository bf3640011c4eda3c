import { Store } from "@/lib/store";

/** Whether the server answers. While it does not, it is asked every few seconds until it does again. */
export const connection = new Store<"up" | "down">("up");

const PROBE_MS = 3000;
let timer: ReturnType<typeof setTimeout> | undefined;

async function probe(): Promise<void> {
  try {
    const response = await fetch("/health/live", { cache: "no-store" });
    if (response.ok) {
      reportUp();
      return;
    }
  } catch {
    // Still down.
  }
  timer = setTimeout(() => void probe(), PROBE_MS);
}

export function reportUp(): void {
  clearTimeout(timer);
  timer = undefined;
  connection.set("up");
}

export function reportDown(): void {
  connection.set("down");
  timer ??= setTimeout(() => void probe(), PROBE_MS);
}
