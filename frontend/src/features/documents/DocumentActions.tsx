import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Ellipsis, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { DocumentDetail } from "@/api/types";
import { IconButton } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { Dialog } from "@/ui/Dialog";
import { Menu, MenuItem } from "@/ui/Menu";
import { ProblemNotice } from "@/ui/ProblemNotice";

interface DocumentActionsProps {
  document: DocumentDetail;
  onDeleted: () => void;
}

export function DocumentActions({ document, onDeleted }: DocumentActionsProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [confirming, setConfirming] = useState(false);
  const path = `/documents/${document.id}`;
  const remove = useMutation({
    mutationFn: () => send(path, { method: "DELETE" }),
    onSuccess: () => {
      setConfirming(false);
      onDeleted();
      client.removeQueries({ queryKey: ["document", document.id] });
      void client.invalidateQueries({ queryKey: ["documents"] });
    },
  });
  const reindex = useMutation({
    mutationFn: () => send(`${path}/reindex`, { method: "POST" }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["document", document.id] });
      void client.invalidateQueries({ queryKey: ["documents"] });
    },
  });
  const confirm = () => {
    remove.reset();
    setConfirming(true);
  };
  return (
    <>
      <Menu
        trigger={
          <IconButton label={t("documents.actions")}>
            <Ellipsis size={16} aria-hidden="true" />
          </IconButton>
        }
      >
        <MenuItem onSelect={() => reindex.mutate()}>
          <RefreshCw size={14} aria-hidden="true" />
          {t("documents.reindex")}
        </MenuItem>
        {/* A document of a watched folder is there as long as its file is. */}
        {document.source === null && (
          <MenuItem danger onSelect={confirm}>
            <Trash2 size={14} aria-hidden="true" />
            {t("common.delete")}
          </MenuItem>
        )}
      </Menu>
      {confirming && (
        <ConfirmDialog
          title={t("documents.deleteTitle")}
          text={t("documents.deleteText", { name: document.name, count: document.versions.length })}
          action={t("common.delete")}
          pending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setConfirming(false)}
        />
      )}
      {reindex.error !== null && (
        <Dialog open onOpenChange={() => reindex.reset()} title={t("documents.reindex")}>
          <ProblemNotice problem={asProblem(reindex.error)} onRetry={() => reindex.mutate()} />
        </Dialog>
      )}
    </>
  );
}
