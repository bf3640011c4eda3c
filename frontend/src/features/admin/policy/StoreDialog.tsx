import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { PolicyText, PolicyVersion } from "@/api/policy-types";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { POLICY_KEY } from "./queries";

const route = getRouteApi("/app/admin/policy");

/** Stores the files as a version, which holds only once it is activated. */
export function StoreDialog({ files, onClose }: { files: PolicyText[]; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = route.useNavigate();
  const form = useId();
  const [note, setNote] = useState("");
  const store = useMutation({
    mutationFn: () => sendJson<PolicyVersion>("POST", "/policy/versions", { files, note: note.trim() }),
    onSuccess: (version) => {
      void client.invalidateQueries({ queryKey: [...POLICY_KEY, "versions"] });
      onClose();
      void navigate({ search: { tab: "versions", version: version.number } });
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    store.mutate();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t("policy.storeTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={store.isPending}>
            {t("policy.store")}
          </Button>
        </>
      }
    >
      <p className="mb-4 text-ink-2">{t("policy.storeText")}</p>
      <form id={form} onSubmit={submit}>
        <TextField label={t("policy.note")} hint={t("policy.noteHint")} value={note} onChange={(event) => setNote(event.target.value)} required maxLength={500} autoComplete="off" />
      </form>
      {store.error !== null && <ProblemNotice problem={asProblem(store.error)} className="mt-3" />}
    </Dialog>
  );
}
