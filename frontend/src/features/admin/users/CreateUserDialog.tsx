import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import { ROLES, type CreateUser, type CreatedUser, type Role, type UserKind } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { cx } from "@/lib/cx";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { LinkDialog } from "./LinkDialog";
import { invalidateUsers } from "./queries";

const KINDS = [
  { kind: "person", label: "users.addPerson", text: "users.addPersonText" },
  { kind: "service", label: "users.addService", text: "users.addServiceText" },
] as const;
const FIELDS = ["display_name", "email", "role"];

interface CreateUserDialogProps {
  /** The account is there: its details are shown, below the link of an invitation. */
  onCreated: (id: string) => void;
  onClose: () => void;
}

export function CreateUserDialog({ onCreated, onClose }: CreateUserDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const form = useId();
  const create = useMutation({
    mutationFn: (body: CreateUser) => sendJson<CreatedUser>("POST", "/admin/users", body),
    onSuccess: ({ user, invitation }) => {
      void invalidateUsers(client);
      onCreated(user.id);
      if (invitation === null) onClose();
    },
    gcTime: 0,
  });
  if (create.isSuccess && create.data.invitation !== null) {
    return <LinkDialog name={create.data.user.display_name} link={create.data.invitation} onClose={onClose} />;
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t("users.addTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={create.isPending}>
            {t("users.add")}
          </Button>
        </>
      }
    >
      <UserForm id={form} error={create.error} onSubmit={(body) => create.mutate(body)} />
    </Dialog>
  );
}

function UserForm({ id, error, onSubmit }: { id: string; error: Error | null; onSubmit: (body: CreateUser) => void }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<UserKind>("person");
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const problem = error === null ? null : asProblem(error);
  const shownAtField = problem !== null && problem.fields.length > 0 && problem.fields.every(({ field }) => FIELDS.includes(field));
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSubmit({ kind, display_name: name.trim(), role, ...(kind === "person" ? { email: email.trim() } : {}) });
  };
  return (
    <form id={id} onSubmit={submit}>
      {problem !== null && !shownAtField && <ProblemNotice problem={problem} className="mb-4" />}
      <fieldset className="mb-4 grid grid-cols-1 gap-2 sm:grid-cols-2">
        <legend className="mb-1 text-sm font-medium">{t("users.kind")}</legend>
        {KINDS.map((choice) => (
          <label
            key={choice.kind}
            className={cx(
              "grid grid-cols-[auto_1fr] gap-x-2 rounded-md border p-2",
              choice.kind === kind ? "border-accent bg-accent-soft" : "border-line-strong hover:bg-hover",
            )}
          >
            <input
              type="radio"
              name="kind"
              value={choice.kind}
              checked={choice.kind === kind}
              onChange={() => setKind(choice.kind)}
              className="mt-0.5 size-4 shrink-0 accent-(--accent)"
            />
            <span className="font-medium">{t(choice.label)}</span>
            <span className="col-start-2 text-sm text-ink-2">{t(choice.text)}</span>
          </label>
        ))}
      </fieldset>
      <TextField
        label={t("users.name")}
        value={name}
        onChange={(event) => setName(event.target.value)}
        required
        maxLength={120}
        autoComplete="off"
        error={problem?.field("display_name")}
        className="mb-4"
      />
      {kind === "person" && (
        <TextField
          label={t("users.email")}
          type="email"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          required
          autoComplete="off"
          error={problem?.field("email")}
          className="mb-4"
        />
      )}
      <SelectField
        label={t("users.role")}
        value={role}
        options={ROLES.map((value) => ({ value, label: t(`roles.${value}`) }))}
        onChange={setRole}
        error={problem?.field("role")}
        className="max-w-60"
      />
    </form>
  );
}
