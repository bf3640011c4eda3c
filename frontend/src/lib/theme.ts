import { preference } from "./preferences";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

// The key is also read by src/app/theme-init.js, before the first paint.
export const theme = preference<Theme>("millwright.theme", THEMES, "system");

function apply(): void {
  const chosen = theme.get();
  if (chosen === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
}

export function startTheme(): void {
  apply();
  theme.subscribe(apply);
}
