import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { getJson, send } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Document, DocumentDetail, ListPage } from "@/api/types";
import { dayOf, endOfDay, lastDayOf, startOfDay } from "@/lib/day";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { DescriptionFields, tagsOf, useDescriptionErrors } from "./DescriptionFields";

const SUGGESTED = 20;

interface DescribeDialogProps {
  document: DocumentDetail;
  onClose: () => void;
}

/** Tags, the document whose place this one takes, and when its newest version holds. What answers changes at once. */
export function DescribeDialog({ document, onClose }: DescribeDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const form = useId();
  // A newer one that could not be read changes nothing.
  const latest = document.versions.find((version) => version.status !== "failed") ?? document.latest;
  const [from, until] = [dayOf(latest.effective_from), latest.effective_until === null ? "" : lastDayOf(latest.effective_until)];
  const [typed, setTyped] = useState({ tags: document.tags.join(", "), from, until });
  const [older, setOlder] = useState(document.supersedes?.name ?? "");
  const suggestions = useQuery({
    queryKey: ["documents", "named", older],
    queryFn: ({ signal }) => getJson<ListPage<Document>>("/documents", { q: older, limit: SUGGESTED }, signal),
    placeholderData: (previous) => previous,
  });
  const others = (suggestions.data?.items ?? []).filter((other) => other.id !== document.id);
  const chosen = older === document.supersedes?.name ? document.supersedes : others.find((other) => other.name === older);
  const wrong = useDescriptionErrors(typed);
  const unknown = older !== "" && chosen === undefined && suggestions.isSuccess && !suggestions.isPlaceholderData;
  const save = useMutation({
    mutationFn: () =>
      send(`/documents/${document.id}/description`, {
        method: "PATCH",
        body: {
          tags: tagsOf(typed.tags),
          supersedes: chosen?.id ?? null,
          // A day that was not touched keeps its time of day.
          ...(typed.from === from ? {} : { effective_from: startOfDay(typed.from) ?? latest.created_at }),
          ...(typed.until === until ? {} : { effective_until: endOfDay(typed.until) }),
        },
      }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["documents"] });
      void client.invalidateQueries({ queryKey: ["document", document.id] });
      onClose();
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate();
  };
  const ready = wrong.tags === undefined && wrong.until === undefined && (older === "" || chosen !== undefined);
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t("documents.describeTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={!ready || save.isPending}>
            {t("common.save")}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className="space-y-4">
        <p className="[overflow-wrap:anywhere] text-ink-2">
          {document.name} · {t("source.version", { number: latest.number })}
        </p>
        <DescriptionFields value={typed} onChange={setTyped} />
        <TextField
          label={t("documents.supersedesField")}
          hint={t("documents.supersedesHint")}
          value={older}
          onChange={(event) => setOlder(event.target.value)}
          error={unknown ? t("documents.supersedesUnknown") : undefined}
          list={`${form}others`}
          autoComplete="off"
        />
        <datalist id={`${form}others`}>
          {others.map((other) => (
            <option key={other.id} value={other.name} />
          ))}
        </datalist>
        {save.error !== null && <ProblemNotice problem={asProblem(save.error)} />}
      </form>
    </Dialog>
  );
}
