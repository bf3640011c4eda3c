import type { Dictionary } from "./en";
import type * as en from "./en-thinking";

export const thinking: Dictionary<typeof en.thinking> = {
  choose: "Denkweise",
  none: "Denkweise: wie üblich",
  name: { red_team: "Rotes Team", first_principles: "Grundprinzipien", council: "Rat" },
  option: "{{name}}: bis zu {{count}} Aufrufe mehr",
  turn: "{{name}}, Runde {{turn}} von {{of}}",
  what: {
    red_team: ["Eine Antwort wird vorgeschlagen.", "Angreifer suchen, was an ihr falsch ist, jeder nach einer anderen Art von Fehler."],
    first_principles: ["Bekanntes wird von Angenommenem getrennt.", "Die Antwort wird aus dem Bekannten neu aufgebaut."],
    council: ["Jeder gibt seine Sicht.", "Jeder hat die anderen gehört.", "Der Vorsitz sagt, worin sie sich einig sind und wer widerspricht."],
  },
  heard: "{{said}} von {{asked}} gehört",
  supported: "steht in einer Stelle",
  opinion: "steht in keiner Stelle",
  weightLong: "Wie schlimm: {{weight}} von 5",
  kind: { known: "Bekannt", assumed: "Angenommen", unknown: "Unbekannt", agreed: "Einig", dissent: "Widerspruch" },
  passage: "Stelle {{number}}: {{name}}",
  nothing: "Hat nichts gefunden.",
  silent: { failed: "Nicht gehört: sein Modell ist ausgefallen.", unreadable: "Hat nichts Lesbares gesagt.", withheld: "Zurückgehalten: hat seine Anweisungen wiederholt.", late: "Nicht gehört: hat zu lange gebraucht.", budget: "Nicht gefragt: was vom Budget übrig ist, ist für die Antwort." },
  instead: "Stattdessen",
  findings: "Was gefunden wurde, das Schlimmste zuerst",
  by: "gefunden von {{names}}",
  voices: "Stimmen",
};
