import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import type { CreatedAgentVersion } from "@/api/agent-types";
import { sendJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { AGENTS_KEY } from "./queries";

const route = getRouteApi("/app/admin/agents/{-$name}");

interface StoreDialogProps {
  definition: string;
  /** With the text that was stored: by then another one may be written. */
  onStored?: ((definition: string) => void) | undefined;
  onClose: () => void;
}

/** Stores a definition as a version, which holds only once it is activated. */
export function StoreDialog({ definition, onStored, onClose }: StoreDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = route.useNavigate();
  const form = useId();
  const [note, setNote] = useState("");
  const store = useMutation({
    mutationFn: () => sendJson<CreatedAgentVersion>("POST", "/agents", { definition, note: note.trim() }),
    onSuccess: async ({ name, version }) => {
      await client.invalidateQueries({ queryKey: AGENTS_KEY, predicate: ({ queryKey }) => queryKey[1] !== "check of" });
      onStored?.(definition);
      onClose();
      void navigate({ to: "/admin/agents/{-$name}", params: { name }, search: { tab: "versions", version: version.number } });
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
      title={t("agentAdmin.store")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={store.isPending}>
            {t("agentAdmin.store")}
          </Button>
        </>
      }
    >
      <p className="mb-4 text-ink-2">{t("agentAdmin.storeText")}</p>
      <form id={form} onSubmit={submit}>
        <TextField label={t("agentAdmin.note")} hint={t("agentAdmin.noteHint")} value={note} onChange={(event) => setNote(event.target.value)} required maxLength={500} autoComplete="off" />
      </form>
      {store.error !== null && <ProblemNotice problem={asProblem(store.error)} className="mt-3" />}
    </Dialog>
  );
}
