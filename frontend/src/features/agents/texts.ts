import { useTranslation } from "react-i18next";
import type { AgentTexts } from "@/api/agent-types";

/** A text of a definition in the language of the interface, as far as it has one. */
export function useAgentText(): (texts: AgentTexts) => string {
  const { i18n } = useTranslation();
  return (texts) => (i18n.language === "de" ? (texts.de ?? texts.en) : texts.en);
}
