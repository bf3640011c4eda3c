import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { DocumentDetail, Label } from "@/api/types";
import { labelOf, risesTo, sameLabel, wordsOf } from "@/lib/labels";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Checkbox, Field } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { ClassificationChoice, ListFields, useListErrors } from "./LabelFields";
import { invalidateLabels } from "./requests";

interface ChangeLabelDialogProps {
  document: DocumentDetail;
  onClose: () => void;
}

/** A higher label holds at once. A lower one is asked for with a reason, and another person decides. */
export function ChangeLabelDialog({ document, onClose }: ChangeLabelDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const form = useId();
  const [classification, setClassification] = useState(document.classification);
  const [lists, setLists] = useState({ regimes: document.export_control.join(", "), groups: document.groups.join(", ") });
  const [trusted, setTrusted] = useState(document.integrity === "trusted");
  const [reason, setReason] = useState("");
  const before = labelOf(document);
  const after: Label = {
    classification,
    export_control: wordsOf(lists.regimes),
    integrity: trusted ? "trusted" : "untrusted",
    groups: wordsOf(lists.groups),
  };
  const wrong = useListErrors(lists);
  const lower = !risesTo(before, after);
  const ready = !sameLabel(before, after) && wrong.regimes === undefined && wrong.groups === undefined;
  const save = useMutation({
    mutationFn: () =>
      lower
        ? send(`/documents/${document.id}/label-requests`, { method: "POST", body: { label: after, reason: reason.trim() } })
        : send(`/documents/${document.id}`, { method: "PATCH", body: after }),
    onSuccess: () => {
      invalidateLabels(client, document.id);
      onClose();
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t("labels.changeTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={!ready || save.isPending}>
            {t(lower ? "labels.request" : "labels.change")}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className="space-y-4">
        <p className="[overflow-wrap:anywhere] text-ink-2">{document.name}</p>
        <ClassificationChoice value={classification} onChange={setClassification} />
        <ListFields lists={lists} onChange={setLists} />
        <Checkbox label={t("labels.trusted")} text={t("labels.trustedText")} checked={trusted} onChange={setTrusted} />
        <p role="status" className="rounded-md border border-line bg-sunken p-2 text-sm">
          {t(sameLabel(before, after) ? "labels.unchanged" : lower ? "labels.lowerText" : "labels.raiseText")}
        </p>
        {lower && (
          <Field label={t("labels.reason")} hint={t("labels.reasonHint")}>
            {(control) => (
              <textarea {...control} required maxLength={2000} rows={3} value={reason} onChange={(event) => setReason(event.target.value)} className="field h-auto py-1" />
            )}
          </Field>
        )}
        {save.error !== null && <ProblemNotice problem={asProblem(save.error)} />}
      </form>
    </Dialog>
  );
}
