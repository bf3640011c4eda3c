import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { send, sendJson } from "@/api/client";
import { ROLES, type AdminUser, type Role, type ChangeUser } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { SelectField, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { invalidateUsers, userPath } from "./queries";

/** Name and role, saved together; the account is disabled and enabled beside them. */
export function AccountForm({ user, mayManage }: { user: AdminUser; mayManage: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState(user.display_name);
  const [role, setRole] = useState<Role>(user.role);
  const save = useMutation({
    mutationFn: (change: ChangeUser) => sendJson<AdminUser>("PATCH", userPath(user.id), change),
    onSuccess: () => invalidateUsers(client),
  });
  const changed = name.trim() !== user.display_name || role !== user.role;
  const problem = save.error === null ? null : asProblem(save.error);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate({
      ...(name.trim() === user.display_name ? {} : { display_name: name.trim() }),
      ...(role === user.role ? {} : { role }),
    });
  };
  const discard = () => {
    setName(user.display_name);
    setRole(user.role);
    save.reset();
  };
  if (!mayManage) {
    return (
      <p>
        {t("users.role")}: {t(`roles.${user.role}`)}
      </p>
    );
  }
  return (
    <form onSubmit={submit}>
      {problem !== null && problem.field("display_name") === undefined && <ProblemNotice problem={problem} className="mb-3" />}
      <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
        <TextField
          label={t("users.name")}
          value={name}
          onChange={(event) => setName(event.target.value)}
          required
          maxLength={120}
          autoComplete="off"
          error={problem?.field("display_name")}
        />
        <SelectField label={t("users.role")} value={role} options={ROLES.map((value) => ({ value, label: t(`roles.${value}`) }))} onChange={setRole} />
      </div>
      <div className="mt-3 flex flex-wrap gap-2">
        {changed ? (
          <>
            <Button kind="primary" type="submit" disabled={save.isPending}>
              {t("users.save")}
            </Button>
            <Button kind="quiet" onClick={discard}>
              {t("users.discard")}
            </Button>
          </>
        ) : (
          <StatusAction user={user} />
        )}
      </div>
    </form>
  );
}

function StatusAction({ user }: { user: AdminUser }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const set = useMutation({
    mutationFn: (status: "active" | "disabled") => send(userPath(user.id), { method: "PATCH", body: { status } }),
    onSuccess: () => {
      setAsking(false);
      void invalidateUsers(client);
    },
  });
  if (user.status === "disabled") {
    return (
      <>
        <Button disabled={set.isPending} onClick={() => set.mutate("active")}>
          {t("users.enable")}
        </Button>
        {set.error !== null && <ProblemNotice problem={asProblem(set.error)} className="w-full" />}
      </>
    );
  }
  const ask = () => {
    set.reset();
    setAsking(true);
  };
  return (
    <>
      <Button kind="caution" onClick={ask}>
        {t("users.disable")}
      </Button>
      {asking && (
        <ConfirmDialog
          title={t("users.disableTitle")}
          text={t("users.disableText", { name: user.display_name })}
          action={t("users.disable")}
          pending={set.isPending}
          error={set.error}
          onConfirm={() => set.mutate("disabled")}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
