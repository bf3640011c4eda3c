import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { send, sendJson } from "@/api/client";
import type { AdminUser, PasswordLink } from "@/api/identity-types";
import { session } from "@/api/session";
import { StepUpDialog } from "@/features/identity/StepUpDialog";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { LinkDialog } from "./LinkDialog";
import { invalidateUsers, userPath } from "./queries";

/** How a person signs in, and the two ways out when they cannot. */
export function SignInActions({ user, mayManage, own }: { user: AdminUser; mayManage: boolean; own: boolean }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState<"password" | "factor" | null>(null);
  const ways = [...(user.has_password ? [t("users.password")] : []), ...user.providers];
  const close = () => setOpen(null);
  return (
    <>
      <dl className="grid grid-cols-1 gap-x-6 gap-y-2 sm:grid-cols-2">
        <div>
          <dt className="text-xs text-ink-3">{t("users.signsInWith")}</dt>
          <dd>{ways.length === 0 ? t("users.nothing") : ways.join(", ")}</dd>
        </div>
        <div>
          <dt className="text-xs text-ink-3">{t("users.secondFactor")}</dt>
          <dd>{t(user.second_factor ? "secondFactor.on" : "secondFactor.off")}</dd>
        </div>
      </dl>
      {mayManage && user.status !== "disabled" && (
        <div className="mt-3 flex flex-wrap gap-2">
          <Button onClick={() => setOpen("password")}>{t(user.status === "invited" ? "users.invite" : "users.resetPassword")}</Button>
          {user.second_factor && !own && (
            <Button kind="caution" onClick={() => setOpen("factor")}>
              {t("users.resetFactor")}
            </Button>
          )}
        </div>
      )}
      {open === "password" && <PasswordLinkDialog user={user} onClose={close} />}
      {open === "factor" && <ResetFactorDialog user={user} onClose={close} />}
    </>
  );
}

function PasswordLinkDialog({ user, onClose }: { user: AdminUser; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const make = useMutation({
    mutationFn: () => sendJson<PasswordLink>("POST", `${userPath(user.id)}/password-reset`, {}),
    onSuccess: () => invalidateUsers(client),
    gcTime: 0,
  });
  if (make.isSuccess) return <LinkDialog name={user.display_name} link={make.data} onClose={onClose} />;
  return (
    <ConfirmDialog
      title={t("users.resetTitle")}
      text={t(user.status === "invited" ? "users.inviteText" : "users.resetText", { name: user.display_name })}
      action={t("users.makeLink")}
      pending={make.isPending}
      error={make.error}
      onConfirm={() => make.mutate()}
      onClose={onClose}
    />
  );
}

/** An administrator who has a second factor must show it: a found-open screen must not weaken the account of another. */
function ResetFactorDialog({ user, onClose }: { user: AdminUser; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const stepUp = useStore(session, (value) => value?.user.second_factor.enrolled === true);
  const reset = useMutation({
    mutationFn: (headers: Record<string, string>) => send(`${userPath(user.id)}/second-factor`, { method: "DELETE", headers }),
    onSuccess: () => {
      onClose();
      void invalidateUsers(client);
    },
  });
  const title = t("users.resetFactorTitle");
  const name = user.display_name;
  if (stepUp) {
    return (
      <StepUpDialog
        purpose="users.reset_second_factor"
        title={title}
        text={t("users.resetFactorStepUp", { name })}
        action={t("users.resetFactor")}
        danger
        onProof={async (headers) => {
          await reset.mutateAsync(headers);
        }}
        onClose={onClose}
      />
    );
  }
  return (
    <ConfirmDialog
      title={title}
      text={t("users.resetFactorText", { name })}
      action={t("users.resetFactor")}
      pending={reset.isPending}
      error={reset.error}
      onConfirm={() => reset.mutate({})}
      onClose={onClose}
    />
  );
}
