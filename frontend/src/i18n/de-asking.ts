import type { Dictionary } from "./en";
import type * as en from "./en-asking";

export const asking: Dictionary<typeof en.asking> = {
  title: "Der Agent fragt Sie",
  hint: "Mit Ihrer Antwort macht er weiter. Geben Sie hier nie ein Passwort ein.",
  options: "Mögliche Antworten",
  own: "Eine andere Antwort",
  send: "Antworten",
  sending: "Wird gesendet…",
  until: "Kann bis {{time}} beantwortet werden",
  answered: "Ihre Antwort: {{answer}}",
  unanswered: "Noch nicht beantwortet",
};
