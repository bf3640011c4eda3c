import { Link, useLocation, useNavigate } from "@tanstack/react-router";
import { Link2Off } from "lucide-react";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { signIn } from "@/api/auth";
import { textOf } from "@/lib/form";
import { Button } from "@/ui/Button";
import { PasswordField } from "@/ui/Field";
import { EmptyState } from "@/ui/parts";
import { AttemptNotice, useAttempt } from "./attempt";
import { AuthFrame } from "./AuthFrame";
import { useAuthOptions } from "./options";
import { SecondFactorForm } from "./SecondFactorForm";

/** The page behind an invitation or a reset link. The token is in the fragment, which browsers send to nobody. */
export function SetPasswordPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const hash = useLocation({ select: (location) => location.hash });
  const token = new URLSearchParams(hash).get("token");
  const options = useAuthOptions();
  const attempt = useAttempt();
  const [challenge, setChallenge] = useState<string | null>(null);
  const minimum = options.data?.minimum_password_length;

  // In place of this address: the used token must not stay in the history.
  const enter = () => void navigate({ to: "/", replace: true });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    void attempt.run(async () => {
      const next = await signIn("set-password", { token: token ?? "", password: textOf(form, "password") });
      if (next !== null) setChallenge(next);
      else enter();
    });
  };
  if (challenge !== null) {
    return (
      <AuthFrame title={t("signIn.codeTitle")}>
        <SecondFactorForm challenge={challenge} onStartAgain={() => void navigate({ to: "/sign-in", replace: true })} onSignedIn={enter} />
      </AuthFrame>
    );
  }
  const status = attempt.problem?.status;
  const title = t("signIn.choosePassword");
  if (token === null || status === 401 || status === 404 || status === 410) {
    return (
      <AuthFrame title={title}>
        <EmptyState icon={<Link2Off size={28} />} title={t("signIn.linkVoid")} text={t("signIn.linkVoidText")}>
          <Link to="/sign-in" className="control rounded-md border border-line-strong px-3 font-medium hover:bg-hover">
            {t("signIn.toSignIn")}
          </Link>
        </EmptyState>
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title={title}>
      <form onSubmit={submit}>
        <AttemptNotice attempt={attempt} wrong="" fields={["password", "new_password"]} />
        <p className="mb-4 text-sm text-ink-2">{t("signIn.chooseText")}</p>
        <PasswordField
          label={t("signIn.newPassword")}
          name="password"
          autoComplete="new-password"
          required
          minLength={minimum}
          hint={minimum === undefined ? undefined : t("signIn.atLeast", { count: minimum })}
          error={attempt.problem?.field("password") ?? attempt.problem?.field("new_password")}
          className="mb-5"
        />
        <Button kind="primary" type="submit" disabled={attempt.pending || attempt.wait > 0} className="w-full">
          {t(attempt.pending ? "signIn.pending" : "signIn.set")}
        </Button>
      </form>
    </AuthFrame>
  );
}
