import { getRouteApi } from "@tanstack/react-router";
import { Eye, EyeOff } from "lucide-react";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import { asProblem, type Problem } from "@/api/problem";
import { startSession } from "@/api/session";
import type { LoginResponse } from "@/api/types";
import { Logo } from "@/app/Shell";
import { LANGUAGES, setLanguage, type Language } from "@/i18n";
import { useDocumentTitle } from "@/lib/hooks";
import { Button, IconButton } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Select } from "@/ui/parts";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const { t, i18n } = useTranslation();
  const id = useId();
  const search = route.useSearch();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [pending, setPending] = useState(false);
  const [shown, setShown] = useState(false);
  useDocumentTitle(t("signIn.title"));

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setPending(true);
    setProblem(null);
    try {
      startSession(await sendJson<LoginResponse>("POST", "/auth/login", { email: form.get("email"), password: form.get("password") }));
    } catch (error) {
      setProblem(asProblem(error));
      setPending(false);
    }
  };

  const wrong = problem?.code === "unauthenticated";
  return (
    <main className="flex min-h-dvh flex-col items-center bg-sunken px-4 pt-[14vh] pb-8">
      <div className="w-full max-w-88">
        <div className="mb-4 flex items-center gap-3 [&>svg]:block">
          <Logo />
          <div>
            <p className="text-lg font-semibold tracking-tight">{t("app.name")}</p>
            <p className="text-sm text-ink-2">{t("signIn.claim")}</p>
          </div>
        </div>
        <form onSubmit={(event) => void submit(event)} className="rounded-lg border border-line bg-raised p-5" noValidate={false}>
          <h1 className="mb-4 text-md font-semibold">{t("signIn.title")}</h1>
          {search.return !== undefined && problem === null && <p className="mb-4 text-sm text-ink-2">{t("signIn.again")}</p>}
          {wrong && (
            <p role="alert" data-testid="sign-in-error" className="mb-4 rounded-md border border-danger/40 bg-danger-soft p-2 text-ink">
              {t("signIn.wrong")}
            </p>
          )}
          {problem !== null && !wrong && <ProblemNotice problem={problem} className="mb-4" />}
          <label htmlFor={`${id}email`} className="mb-1 block text-sm font-medium">
            {t("signIn.email")}
          </label>
          <input id={`${id}email`} name="email" type="email" autoComplete="username" required className="field mb-4" />
          <label htmlFor={`${id}password`} className="mb-1 block text-sm font-medium">
            {t("signIn.password")}
          </label>
          <div className="relative mb-5">
            <input
              id={`${id}password`}
              name="password"
              type={shown ? "text" : "password"}
              autoComplete="current-password"
              required
              className="field pr-10 touch:pr-12"
            />
            <IconButton
              label={t(shown ? "signIn.hide" : "signIn.show")}
              onClick={() => setShown(!shown)}
              className="absolute top-0 right-0"
            >
              {shown ? <EyeOff size={16} aria-hidden="true" /> : <Eye size={16} aria-hidden="true" />}
            </IconButton>
          </div>
          <Button kind="primary" type="submit" disabled={pending} className="w-full">
            {t(pending ? "signIn.pending" : "signIn.submit")}
          </Button>
        </form>
        <div className="mt-3 flex justify-end">
          <Select<Language>
            quiet
            label={t("app.language")}
            value={i18n.resolvedLanguage === "de" ? "de" : "en"}
            options={LANGUAGES}
            onChange={(language) => void setLanguage(language)}
          />
        </div>
      </div>
    </main>
  );
}
