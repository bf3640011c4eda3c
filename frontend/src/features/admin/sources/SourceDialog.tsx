import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Source } from "@/api/source-types";
import { ClassificationChoice, ListFields, useListErrors } from "@/features/labels/LabelFields";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { BLANK, changeOf, createOf, draftOf, faults, missingPairs, type Fault, type SourceDraft } from "./draft";
import { SOURCES_PATH, invalidateSources } from "./queries";

interface SourceDialogProps {
  /** The source that is changed; null for another one. */
  source: Source | null;
  /** Where the operator mounts shares. */
  folder: string;
  onClose: () => void;
}

/** Has a folder watched, or changes how. Mount it to show it. */
export function SourceDialog({ source, folder, onClose }: SourceDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const form = useId();
  const [draft, setDraft] = useState(() => (source === null ? BLANK : draftOf(source)));
  const [tried, setTried] = useState(false);
  const wrongLists = useListErrors(draft);
  const save = useMutation({
    mutationFn: () =>
      source === null ? sendJson<Source>("POST", SOURCES_PATH, createOf(draft)) : sendJson<Source>("PATCH", `${SOURCES_PATH}/${source.id}`, changeOf(draft)),
    onSuccess: async () => {
      await invalidateSources(client);
      onClose();
    },
  });
  const wrong = faults(draft, source);
  const problem = save.error === null ? null : asProblem(save.error);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (wrong.size === 0 && wrongLists.regimes === undefined && wrongLists.groups === undefined) save.mutate();
  };
  const error = (fault: Fault) => (tried && wrong.has(fault) ? t(`sources.wrong.${fault}`, { pairs: missingPairs(draft, source).join(", ") }) : undefined);
  const change = (part: Partial<SourceDraft>) => setDraft({ ...draft, ...part });
  const title = t(source === null ? "sources.create" : "sources.editTitle");
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={save.isPending}>
            {t(source === null ? "sources.create" : "common.save")}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className="space-y-4" noValidate>
        {problem !== null && <ProblemNotice problem={problem} />}
        <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
          <TextField label={t("sources.name")} value={draft.name} onChange={(event) => change({ name: event.target.value })} required maxLength={120} autoComplete="off" error={problem?.field("name") ?? error("name")} />
          <TextField
            mono
            label={t("sources.path")}
            hint={t("sources.pathHint", { folder })}
            value={draft.path}
            onChange={(event) => change({ path: event.target.value })}
            disabled={source !== null}
            autoComplete="off"
            spellCheck={false}
            error={problem?.field("path")}
          />
        </div>
        <ClassificationChoice value={draft.classification} onChange={(classification) => change({ classification })} />
        <ListFields lists={draft} onChange={(lists) => change(lists)} errors={{ groups: problem?.field("groups") }} />
        <TextField label={t("sources.tags")} hint={t("sources.tagsHint")} value={draft.tags} onChange={(event) => change({ tags: event.target.value })} autoComplete="off" error={problem?.field("tags")} />
        <Field
          label={t("sources.groupMap")}
          hint={t((source?.group_map ?? null) === null ? "sources.groupMapHint" : "sources.groupMapKeptHint")}
          error={problem?.field("group_map") ?? error("groupMap") ?? error("groupMapKept")}
        >
          {(control) => <textarea {...control} rows={3} value={draft.groupMap} spellCheck={false} onChange={(event) => change({ groupMap: event.target.value })} className="field h-auto py-1.5 font-mono" />}
        </Field>
        <div className="grid grid-cols-1 gap-3 sm:grid-cols-3">
          <TextField label={t("sources.contentEvery")} hint={t("sources.minutes")} inputMode="decimal" value={draft.content} onChange={(event) => change({ content: event.target.value })} error={problem?.field("content_interval_s") ?? error("content")} />
          <TextField label={t("sources.permissionEvery")} hint={t("sources.minutes")} inputMode="decimal" value={draft.permission} onChange={(event) => change({ permission: event.target.value })} error={problem?.field("permission_interval_s") ?? error("permission")} />
          <TextField label={t("sources.hideAfter")} hint={t("sources.minutes")} inputMode="decimal" value={draft.maxAge} onChange={(event) => change({ maxAge: event.target.value })} error={problem?.field("permission_max_age_s") ?? error("maxAge")} />
        </div>
      </form>
    </Dialog>
  );
}
