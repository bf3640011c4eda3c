import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Spot } from "@/ui/CodeArea";
import { DefinitionTab } from "./DefinitionTab";

const TEMPLATE = `name: my-agent
title:
  en: My agent
  de: Mein Agent
purpose:
  en: What it is for, in words that questions for it use.
  de: Wofür er da ist, in Wörtern, die Fragen an ihn haben.
prompt: |
  What a model is told beyond the rules that every answer obeys.
tools: [search_documents, open_document, read_on, find_in_document, table, calculate, date]
# tier: STANDARD
# labels: { up_to: CONFIDENTIAL }
# checks: { cites_at_least: 1, cites_documents: 1, mentions_unit: true, repeats_warnings: true }
examples:
  - A question that it is for?
words: [beginning of a word]
`;

/** The first version of a further agent. */
export function NewAgent() {
  const { t } = useTranslation();
  const [text, setText] = useState(TEMPLATE);
  const [spot, setSpot] = useState<Spot | null>(null);
  return (
    <div className="p-4">
      <h2 className="text-lg font-semibold tracking-tight">{t("agentAdmin.createTitle")}</h2>
      <p className="mb-3 text-ink-2">{t("agentAdmin.createText")}</p>
      <DefinitionTab name={null} initial={TEMPLATE} text={text} spot={spot} onSpot={setSpot} onChange={setText} />
    </div>
  );
}
