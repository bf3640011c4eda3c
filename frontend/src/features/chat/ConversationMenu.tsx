import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Ellipsis, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import { asProblem } from "@/api/problem";
import { Button, IconButton } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { Dialog } from "@/ui/Dialog";
import { Menu, MenuItem } from "@/ui/Menu";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { conversation, forgetConversation } from "./model/registry";

const MAX_TITLE = 200;

interface ConversationMenuProps {
  id: string;
  title: string;
  onDeleted: () => void;
}

export function ConversationMenu({ id, title, onDeleted }: ConversationMenuProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [dialog, setDialog] = useState<"rename" | "delete" | null>(null);
  const ask = (next: "rename" | "delete") => {
    rename.reset();
    remove.reset();
    setDialog(next);
  };
  const refresh = () => client.invalidateQueries({ queryKey: ["conversations"] });
  const rename = useMutation({
    mutationFn: (next: string) => send(`/conversations/${id}`, { method: "PATCH", body: { title: next } }),
    onSuccess: (_, next) => {
      conversation(id).rename(next);
      setDialog(null);
      void refresh();
    },
  });
  const remove = useMutation({
    mutationFn: () => send(`/conversations/${id}`, { method: "DELETE" }),
    onSuccess: () => {
      setDialog(null);
      onDeleted();
      forgetConversation(id);
      void refresh();
    },
  });
  return (
    <>
      <Menu
        trigger={
          <IconButton label={t("chat.conversationMenu")}>
            <Ellipsis size={16} aria-hidden="true" />
          </IconButton>
        }
      >
        <MenuItem onSelect={() => ask("rename")}>
          <Pencil size={14} aria-hidden="true" />
          {t("chat.rename")}
        </MenuItem>
        <MenuItem danger onSelect={() => ask("delete")}>
          <Trash2 size={14} aria-hidden="true" />
          {t("common.delete")}
        </MenuItem>
      </Menu>
      {dialog === "rename" && (
        <RenameDialog
          title={title}
          pending={rename.isPending}
          error={rename.error}
          onSave={(next) => rename.mutate(next)}
          onClose={() => setDialog(null)}
        />
      )}
      {dialog === "delete" && (
        <ConfirmDialog
          title={t("chat.deleteTitle")}
          text={t("chat.deleteText", { title })}
          action={t("common.delete")}
          pending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setDialog(null)}
        />
      )}
    </>
  );
}

interface RenameDialogProps {
  title: string;
  pending: boolean;
  error: unknown;
  onSave: (title: string) => void;
  onClose: () => void;
}

function RenameDialog({ title, pending, error, onSave, onClose }: RenameDialogProps) {
  const { t } = useTranslation();
  const [value, setValue] = useState(title);
  const ready = value.trim() !== "" && value.trim() !== title && !pending;
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t("chat.rename")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) onSave(value.trim());
        }}
      >
        <label className="block">
          <span className="mb-1 block text-sm font-medium">{t("chat.conversationTitle")}</span>
          <input value={value} maxLength={MAX_TITLE} onChange={(event) => setValue(event.target.value)} className="field" />
        </label>
        {error !== null && <ProblemNotice problem={asProblem(error)} className="mt-3" />}
        <div className="mt-4 flex justify-end gap-2">
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" disabled={!ready}>
            {t("common.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
