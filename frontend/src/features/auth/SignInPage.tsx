import { getRouteApi } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { signIn } from "@/api/auth";
import { url } from "@/api/client";
import type { AuthOptions } from "@/api/identity-types";
import { Problem, asProblem } from "@/api/problem";
import { safeReturn } from "@/app/search";
import { textOf } from "@/lib/form";
import { Button } from "@/ui/Button";
import { PasswordField, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton } from "@/ui/parts";
import { AttemptNotice, useAttempt } from "./attempt";
import { AuthFrame } from "./AuthFrame";
import { useAuthOptions } from "./options";
import { SecondFactorForm } from "./SecondFactorForm";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const options = useAuthOptions();
  const [challenge, setChallenge] = useState<string | null>(null);
  if (challenge !== null) {
    return (
      <AuthFrame title={t("signIn.codeTitle")}>
        <SecondFactorForm challenge={challenge} onStartAgain={() => setChallenge(null)} />
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title={t("signIn.title")}>
      {search.error !== undefined && <ProviderProblem code={search.error} traceId={search.trace_id} />}
      {search.error === undefined && search.return !== undefined && <p className="mb-4 text-sm text-ink-2">{t("signIn.again")}</p>}
      {options.isPending && <OptionsSkeleton />}
      {options.isError && <ProblemNotice problem={asProblem(options.error)} onRetry={() => void options.refetch()} />}
      {options.isSuccess && <Ways options={options.data} returnTo={safeReturn(search.return)} onChallenge={setChallenge} />}
    </AuthFrame>
  );
}

/** What these mean elsewhere does not fit a person who comes from a provider. */
const REFUSALS = ["unauthenticated", "not_authorized", "not_found"];

/** The provider's sign-in ends with a redirect, so its problem comes in the address. */
function ProviderProblem({ code, traceId }: { code: string; traceId: string | undefined }) {
  const { t, i18n } = useTranslation();
  const key = `problems.${code}`;
  const refused = REFUSALS.includes(code) || !i18n.exists(key);
  const detail = refused ? t("signIn.providerRefused") : t(key as "problems.internal");
  return (
    <ProblemNotice className="mb-4" title={t("signIn.providerFailed")} problem={new Problem({ code, detail, ...(traceId === undefined ? {} : { trace_id: traceId }) })} />
  );
}

function OptionsSkeleton() {
  return (
    <div className="space-y-4" aria-busy="true">
      <Skeleton className="h-8" />
      <Skeleton className="h-8" />
      <Skeleton className="h-8" />
    </div>
  );
}

function Ways({ options, returnTo, onChallenge }: { options: AuthOptions; returnTo: string; onChallenge: (challenge: string) => void }) {
  const { t } = useTranslation();
  if (!options.password && options.providers.length === 0) {
    return <EmptyState icon={<KeyRound size={28} />} title={t("signIn.noWay")} text={t("signIn.noWayText")} />;
  }
  return (
    <>
      {options.password && <PasswordForm onChallenge={onChallenge} />}
      {options.password && options.providers.length > 0 && (
        <p className="my-4 flex items-center gap-3 text-sm text-ink-3 before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
          {t("signIn.or")}
        </p>
      )}
      <div className="space-y-2">
        {options.providers.map(({ id, name }) => (
          <a
            key={id}
            href={url(`/auth/oidc/${encodeURIComponent(id)}/start`, { return: returnTo })}
            className="control w-full rounded-md border border-line-strong bg-ground px-3 font-medium text-ink hover:bg-hover"
          >
            <span className="truncate">{t("signIn.with", { name })}</span>
          </a>
        ))}
      </div>
    </>
  );
}

function PasswordForm({ onChallenge }: { onChallenge: (challenge: string) => void }) {
  const { t } = useTranslation();
  const attempt = useAttempt();
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    void attempt.run(async () => {
      const challenge = await signIn("login", { email: textOf(form, "email"), password: textOf(form, "password") });
      if (challenge !== null) onChallenge(challenge);
    });
  };
  return (
    <form onSubmit={submit}>
      <AttemptNotice attempt={attempt} wrong={t("signIn.wrong")} />
      <TextField label={t("signIn.email")} name="email" type="email" autoComplete="username" required className="mb-4" />
      <PasswordField label={t("signIn.password")} name="password" autoComplete="current-password" required className="mb-5" />
      <Button kind="primary" type="submit" disabled={attempt.pending || attempt.wait > 0} className="w-full">
        {t(attempt.pending ? "signIn.pending" : "signIn.submit")}
      </Button>
    </form>
  );
}
