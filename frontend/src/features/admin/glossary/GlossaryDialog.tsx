import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import { GLOSSARY_LANGUAGES, type GlossaryEntry } from "@/api/gateway-types";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, SelectField, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { BLANK, draftOf, missing, requestOf } from "./draft";
import { GLOSSARY_PATH, invalidateGlossary } from "./queries";

interface GlossaryDialogProps {
  /** The term that is changed; null for another one. */
  entry: GlossaryEntry | null;
  onClose: () => void;
}

/** Puts a term into the glossary, or changes one. Mount it to show it. */
export function GlossaryDialog({ entry, onClose }: GlossaryDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const form = useId();
  const [draft, setDraft] = useState(() => (entry === null ? BLANK : draftOf(entry)));
  const [tried, setTried] = useState(false);
  const save = useMutation({
    mutationFn: () =>
      entry === null
        ? sendJson<GlossaryEntry>("POST", GLOSSARY_PATH, requestOf(draft))
        : sendJson<GlossaryEntry>("PATCH", `${GLOSSARY_PATH}/${entry.id}`, requestOf(draft)),
    onSuccess: async () => {
      await invalidateGlossary(client);
      onClose();
    },
  });
  const lacks = missing(draft);
  const problem = save.error === null ? null : asProblem(save.error);
  const isBeside = problem !== null && problem.fields.length > 0 && problem.fields.every(({ field }) => ["term", "expansions"].includes(field));
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (!lacks.term && !lacks.expansions) save.mutate();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t(entry === null ? "glossary.create" : "glossary.editTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={save.isPending}>
            {t(entry === null ? "glossary.create" : "common.save")}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className="space-y-4">
        {problem !== null && !isBeside && <ProblemNotice problem={problem} />}
        <TextField
          label={t("glossary.term")}
          hint={t("glossary.termHint")}
          value={draft.term}
          onChange={(event) => setDraft({ ...draft, term: event.target.value })}
          required
          maxLength={60}
          autoComplete="off"
          error={problem?.field("term") ?? (tried && lacks.term ? t("glossary.termWrong") : undefined)}
        />
        <Field label={t("glossary.expansions")} hint={t("glossary.expansionsHint")} error={problem?.field("expansions") ?? (tried && lacks.expansions ? t("glossary.expansionsWrong") : undefined)}>
          {(control) => (
            <textarea {...control} rows={3} required value={draft.expansions} onChange={(event) => setDraft({ ...draft, expansions: event.target.value })} className="field h-auto py-1.5" />
          )}
        </Field>
        <SelectField
          label={t("glossary.language")}
          hint={t("glossary.languageHint")}
          value={draft.language}
          options={GLOSSARY_LANGUAGES.map((value) => ({ value, label: t(`glossary.languages.${value}`) }))}
          onChange={(language) => setDraft({ ...draft, language })}
        />
      </form>
    </Dialog>
  );
}
