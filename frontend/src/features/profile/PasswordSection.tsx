import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendCredential } from "@/api/client";
import type { User } from "@/api/identity-types";
import { useAttempt, AttemptNotice } from "@/features/auth/attempt";
import { useAuthOptions } from "@/features/auth/options";
import { textOf } from "@/lib/form";
import { Button } from "@/ui/Button";
import { PasswordField } from "@/ui/Field";
import { Section } from "./Section";

export function PasswordSection({ user, sessionsKey }: { user: User; sessionsKey: readonly unknown[] }) {
  const { t } = useTranslation();
  return (
    <Section title={t("profile.password")} text={t(user.has_password ? "profile.passwordText" : "profile.passwordNone")}>
      {user.has_password && <PasswordForm user={user} sessionsKey={sessionsKey} />}
    </Section>
  );
}

function PasswordForm({ user, sessionsKey }: { user: User; sessionsKey: readonly unknown[] }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const options = useAuthOptions();
  const attempt = useAttempt();
  const form = useRef<HTMLFormElement>(null);
  const change = useMutation({
    mutationFn: (body: { current_password: string; new_password: string }) => sendCredential("POST", "/auth/password", body),
    gcTime: 0,
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    change.reset();
    void attempt.run(async () => {
      await change.mutateAsync({ current_password: textOf(data, "current"), new_password: textOf(data, "new") });
      form.current?.reset();
      void client.invalidateQueries({ queryKey: sessionsKey });
    });
  };
  const { problem, wait } = attempt;
  const minimum = options.data?.minimum_password_length;
  const wrong = problem?.status === 401;
  return (
    <form ref={form} onSubmit={submit} className="max-w-80">
      {!wrong && <AttemptNotice attempt={attempt} wrong="" fields={["new_password"]} />}
      {/* For the browser's password store: whose password this is. */}
      <input type="text" name="username" autoComplete="username" value={user.email ?? ""} readOnly hidden />
      <PasswordField
        label={t("profile.currentPassword")}
        name="current"
        autoComplete="current-password"
        required
        error={wrong ? t("profile.currentWrong") : undefined}
        className="mb-4"
      />
      <PasswordField
        label={t("profile.newPassword")}
        name="new"
        autoComplete="new-password"
        required
        minLength={minimum}
        hint={minimum === undefined ? undefined : t("signIn.atLeast", { count: minimum })}
        error={problem?.field("new_password")}
        className="mb-4"
      />
      <Button type="submit" disabled={attempt.pending || wait > 0}>
        {t("profile.change")}
      </Button>
      <p role="status" className="mt-2 text-sm text-ink-2 empty:hidden">
        {change.isSuccess && t("profile.changed")}
      </p>
    </form>
  );
}
