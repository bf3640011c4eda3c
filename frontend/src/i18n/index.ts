import i18n from "i18next";
import { initReactI18next } from "react-i18next";
import { en, type Dictionary, type LaterTexts } from "./en";

export const LANGUAGES = [
  { value: "en", label: "English" },
  { value: "de", label: "Deutsch" },
] as const;
export type Language = (typeof LANGUAGES)[number]["value"];

const KEY = "millwright.language";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: Dictionary<typeof en & LaterTexts> };
  }
}

function preferred(): Language {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(KEY);
  } catch {
    // The browser's language applies.
  }
  const wanted = stored ?? navigator.language;
  return wanted.toLowerCase().startsWith("de") ? "de" : "en";
}

/** English comes with the first load, every other language when it is chosen. */
async function load(language: Language): Promise<void> {
  if (language === "en" || i18n.hasResourceBundle(language, "translation")) return;
  const { de } = await import("./de");
  i18n.addResourceBundle(language, "translation", de);
}

/** Adds the English texts of a page that comes after the first load; every other language comes whole. */
export function addEnglish(texts: Partial<LaterTexts>): void {
  i18n.addResourceBundle("en", "translation", texts, true);
}

export async function startI18n(): Promise<void> {
  await i18n.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    supportedLngs: LANGUAGES.map((language) => language.value),
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false },
    returnNull: false,
    showSupportNotice: false,
  });
  await setLanguage(preferred(), false);
}

export async function setLanguage(language: Language, remember = true): Promise<void> {
  await load(language);
  await i18n.changeLanguage(language);
  document.documentElement.lang = language;
  if (!remember) return;
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // Without storage the choice lasts until the page is left.
  }
}
