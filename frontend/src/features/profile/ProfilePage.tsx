import { useMutation } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState, type ReactNode, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { rereadUser } from "@/api/auth";
import { send } from "@/api/client";
import type { ApiKey, Session, User } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { session } from "@/api/session";
import { ApiKeyDialog } from "@/features/identity/ApiKeyDialog";
import { ApiKeyTable } from "@/features/identity/ApiKeyTable";
import { ListState } from "@/features/identity/ListState";
import { usePages } from "@/features/identity/lists";
import { OpenAiPanel } from "@/features/identity/OpenAiPanel";
import { ownScopes } from "@/features/identity/scopes";
import { SessionTable } from "@/features/identity/SessionTable";
import { useDocumentTitle, useFlash } from "@/lib/hooks";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { Copyable } from "@/ui/Copyable";
import { TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState } from "@/ui/parts";
import { PasswordSection } from "./PasswordSection";
import { SecondFactorSection } from "./SecondFactorSection";
import { Section } from "./Section";

const SESSIONS = ["own", "sessions"] as const;
const KEYS = ["own", "api-keys"] as const;

export function ProfilePage() {
  const { t } = useTranslation();
  const user = useStore(session, (value) => value?.user);
  useDocumentTitle(t("profile.title"));
  if (user === undefined) return null;
  return (
    <div className="h-full overflow-y-auto">
      <div className="mx-auto max-w-3xl px-4 pt-3 pb-10">
        <h1 className="mb-3 text-lg font-semibold tracking-tight">{t("profile.title")}</h1>
        <AccountSection user={user} />
        <PasswordSection user={user} sessionsKey={SESSIONS} />
        <SecondFactorSection user={user} />
        <SessionsSection />
        <KeysSection user={user} />
      </div>
    </div>
  );
}

function AccountSection({ user }: { user: User }) {
  const { t } = useTranslation();
  const [name, setName] = useState(user.display_name);
  const [saved, flash] = useFlash(3000);
  const save = useMutation({
    mutationFn: async () => {
      await send("/auth/me", { method: "PATCH", body: { display_name: name.trim() } });
      await rereadUser();
    },
    onSuccess: flash,
  });
  const problem = save.error === null ? null : asProblem(save.error);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Section title={t("profile.account")}>
      {problem !== null && problem.field("display_name") === undefined && <ProblemNotice problem={problem} className="mb-3" />}
      <form onSubmit={submit} className="mb-4 flex flex-wrap items-end gap-2">
        <TextField
          label={t("profile.name")}
          value={name}
          onChange={(event) => setName(event.target.value)}
          required
          maxLength={120}
          autoComplete="name"
          error={problem?.field("display_name")}
          className="w-80 max-w-full"
        />
        <Button kind="primary" type="submit" disabled={save.isPending || name.trim() === user.display_name}>
          {t("common.save")}
        </Button>
        <span role="status" className="self-center text-sm text-ink-2">
          {saved && t("profile.saved")}
        </span>
      </form>
      <dl className="grid grid-cols-1 gap-x-6 gap-y-2 sm:grid-cols-2">
        {user.email !== null && <Fact name={t("profile.email")}>{user.email}</Fact>}
        <Fact name={t("profile.role")}>{t(`roles.${user.role}`)}</Fact>
        <Fact name={t("profile.tenant")}>{user.tenant.name}</Fact>
        <Fact name={t("profile.id")}>
          <Copyable text={user.id} label={t("profile.id")} />
        </Fact>
      </dl>
    </Section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="truncate">{children}</dd>
    </div>
  );
}

function SessionsSection() {
  const { t } = useTranslation();
  const query = usePages<Session>("/auth/sessions", SESSIONS);
  return (
    <Section title={t("sessions.title")} text={t("sessions.text")}>
      <ListState query={query} empty={null}>
        <SessionTable sessions={query.items} path="/auth/sessions" queryKey={SESSIONS} mayEnd />
      </ListState>
    </Section>
  );
}

function KeysSection({ user }: { user: User }) {
  const { t } = useTranslation();
  const [creating, setCreating] = useState(false);
  const query = usePages<ApiKey>("/auth/api-keys", KEYS);
  return (
    <Section
      title={t("apiKeys.title")}
      text={t("apiKeys.text")}
      action={
        <Button onClick={() => setCreating(true)}>
          <Plus size={14} aria-hidden="true" />
          {t("apiKeys.create")}
        </Button>
      }
    >
      <ListState query={query} empty={<EmptyState compact icon={<KeyRound size={24} />} title={t("apiKeys.none")} text={t("apiKeys.noneText")} />}>
        <ApiKeyTable keys={query.items} path="/auth/api-keys" queryKey={KEYS} mayRevoke />
      </ListState>
      {user.permissions.includes("chat:use") && <OpenAiPanel />}
      {creating && <ApiKeyDialog path="/auth/api-keys" queryKey={KEYS} scopes={ownScopes(user.permissions)} onClose={() => setCreating(false)} />}
    </Section>
  );
}
