import type { Dictionary } from "./en";
import type * as en from "./en-glossary";

export const glossary: Dictionary<typeof en.glossary> = {
  title: "Glossar",
  text: "Wofür Ihre Abkürzungen stehen. Eine Suche nach dem einen sucht auch nach dem anderen und sagt das dazu. Alle, die suchen, können es zu sehen bekommen.",
  create: "Begriff anlegen",
  edit: "Bearbeiten",
  editNamed: "{{term}} bearbeiten",
  editTitle: "Begriff bearbeiten",
  deleteNamed: "{{term}} löschen",
  deleteTitle: "Diesen Begriff löschen?",
  deleteText: "Suchen nach „{{term}}“ finden dann nur Dokumente, in denen er so steht.",
  find: "Begriff oder Bedeutung finden",
  nothingFound: "Kein Begriff enthält diese Wörter",
  term: "Begriff",
  termHint: "Wie er geschrieben wird, zum Beispiel LOTO. Einer, der auch ein gewöhnliches Wort ist, etwa IT, wird nur in Großbuchstaben erkannt.",
  termWrong: "Geben Sie den Begriff ein.",
  expansions: "Steht für",
  expansionsHint: "Eines je Zeile, höchstens 8.",
  expansionsWrong: "Geben Sie eine bis acht Zeilen ein.",
  language: "Sprache",
  languageHint: "In welcher Sprache die Wörter sind, für die er steht.",
  languages: { any: "Jede", en: "Englisch", de: "Deutsch" },
  none: "Noch keine Begriffe",
  noneText: "Dokumente und Menschen nennen dasselbe verschieden. Legen Sie die Abkürzungen an, mit denen gefragt wird, und wofür sie in Ihren Dokumenten stehen.",
};
