import { useState } from "react";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import type { PolicySettings } from "@/api/policy-types";
import { useFlash } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { useSaveSettings, useSettings } from "../policy/queries";
import { SaveBar, SettingsPage, StaleNotice } from "../SettingsForm";
import { CustomPatterns } from "./CustomPatterns";
import { draftOf, isBesideFields, settingsOf } from "./draft";
import { InjectionSection } from "./InjectionSection";
import { Preview } from "./Preview";
import { TypeTable } from "./TypeTable";

/** What happens to personal data before a model sees it, and to messages that look like an injection. */
export function PersonalDataPage() {
  const { t } = useTranslation();
  const query = useSettings();
  // Above the form, which begins anew with what was saved.
  const [saved, flash] = useFlash(3000);
  return (
    <SettingsPage title={t("personalData.title")} text={t("personalData.text")} query={query}>
      {(settings) => <SettingsForm key={`${settings.version} ${query.dataUpdatedAt}`} settings={settings} saved={saved} onSaved={flash} onReread={() => void query.refetch()} />}
    </SettingsPage>
  );
}

interface SettingsFormProps {
  settings: PolicySettings;
  saved: boolean;
  onSaved: () => void;
  onReread: () => void;
}

function SettingsForm({ settings, saved, onSaved, onReread }: SettingsFormProps) {
  const { t } = useTranslation();
  const mayManage = useMay("configuration:manage");
  const [initial] = useState(() => draftOf(settings));
  const [draft, setDraft] = useState(initial);
  const save = useSaveSettings(settings, onSaved);
  const changed = JSON.stringify([settingsOf(draft), draft.injection]) !== JSON.stringify([settingsOf(initial), initial.injection]);
  const problem = save.error === null ? null : asProblem(save.error);
  return (
    <div className="grid grid-cols-1 items-start gap-x-8 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
      <form
        className="min-w-0"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate({ personal_data: settingsOf(draft), injection: { user_messages: draft.injection } });
        }}
      >
        {!mayManage && <p className="mb-4 text-ink-2">{t("users.readOnly")}</p>}
        <TypeTable types={settings.types} draft={draft} onDraft={setDraft} disabled={!mayManage} />
        <CustomPatterns draft={draft} onDraft={setDraft} problem={problem} disabled={!mayManage} />
        <InjectionSection value={draft.injection} onChange={(injection) => setDraft({ ...draft, injection })} disabled={!mayManage} />
        {problem !== null && !isBesideFields(problem) && <ProblemNotice problem={problem} className="mb-3" />}
        <StaleNotice problem={problem} onReread={onReread} />
        {problem !== null && isBesideFields(problem) && (
          <p role="alert" className="mb-3 text-sm text-danger">
            {t("personalData.wrongFields")}
          </p>
        )}
        {mayManage && (
          <SaveBar
            sticky
            changed={changed}
            pending={save.isPending}
            saved={saved}
            onDiscard={() => {
              setDraft(initial);
              save.reset();
            }}
          />
        )}
      </form>
      <Preview draft={draft} />
    </div>
  );
}
