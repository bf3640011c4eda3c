import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import type { AdminUser, Session } from "@/api/identity-types";
import { ListState } from "@/features/identity/ListState";
import { usePages } from "@/features/identity/lists";
import { SessionTable } from "@/features/identity/SessionTable";
import { Button } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { invalidateUsers, sessionsKey, userPath } from "./queries";
import { PanelSection } from "./PanelSection";

export function UserSessions({ user, mayManage }: { user: AdminUser; mayManage: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const path = `${userPath(user.id)}/sessions`;
  const query = usePages<Session>(path, sessionsKey(user.id));
  const endAll = useMutation({
    mutationFn: () => send(path, { method: "DELETE" }),
    onSuccess: () => {
      setAsking(false);
      void invalidateUsers(client);
    },
  });
  const ask = () => {
    endAll.reset();
    setAsking(true);
  };
  return (
    <PanelSection
      title={t("sessions.title")}
      action={
        mayManage &&
        query.items.length > 0 && (
          <Button kind="caution" onClick={ask}>
            {t("sessions.endAll")}
          </Button>
        )
      }
    >
      <ListState query={query} empty={<p className="text-ink-2">{t("sessions.noneText")}</p>}>
        <SessionTable sessions={query.items} path={path} queryKey={["users"]} mayEnd={mayManage} />
      </ListState>
      {asking && (
        <ConfirmDialog
          title={t("sessions.endAllTitle")}
          text={t("sessions.endAllText", { name: user.display_name })}
          action={t("sessions.endAll")}
          pending={endAll.isPending}
          error={endAll.error}
          onConfirm={() => endAll.mutate()}
          onClose={() => setAsking(false)}
        />
      )}
    </PanelSection>
  );
}
