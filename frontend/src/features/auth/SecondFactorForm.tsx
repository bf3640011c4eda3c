import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { showCode } from "@/api/auth";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { AttemptNotice, useAttempt } from "./attempt";

interface SecondFactorFormProps {
  /** Null: an identity provider's sign-in, whose challenge is in a cookie. */
  challenge: string | null;
  onStartAgain: () => void;
  /** For a page that does not lead on by itself. */
  onSignedIn?: () => void;
}

/** The second step of signing in: a code of the app, or a recovery code. */
export function SecondFactorForm({ challenge, onStartAgain, onSignedIn }: SecondFactorFormProps) {
  const { t } = useTranslation();
  const [recovery, setRecovery] = useState(false);
  const [code, setCode] = useState("");
  const attempt = useAttempt();
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    void attempt.run(async () => {
      await showCode(challenge, code.replace(/\s/g, "").toLowerCase());
      onSignedIn?.();
    });
  };
  const other = () => {
    setRecovery(!recovery);
    setCode("");
  };
  return (
    <form onSubmit={submit}>
      <AttemptNotice attempt={attempt} wrong={t("signIn.codeWrong")} />
      <p className="mb-4 text-sm text-ink-2">{t(recovery ? "signIn.recoveryText" : "signIn.codeText")}</p>
      <TextField
        key={String(recovery)}
        mono
        label={t(recovery ? "signIn.recoveryCode" : "signIn.code")}
        value={code}
        onChange={(event) => setCode(event.target.value)}
        inputMode={recovery ? "text" : "numeric"}
        autoComplete="one-time-code"
        autoCapitalize="none"
        spellCheck={false}
        required
        pattern={recovery ? "[A-Za-z0-9\\s\\-]{10,14}" : "[0-9\\s]{6,8}"}
        maxLength={recovery ? 14 : 8}
        autoFocus // eslint-disable-line jsx-a11y/no-autofocus -- the only field of a step that the person has just asked for
        className="mb-5"
      />
      <Button kind="primary" type="submit" disabled={attempt.pending || attempt.wait > 0} className="w-full">
        {t(attempt.pending ? "signIn.pending" : "signIn.codeSubmit")}
      </Button>
      <div className="mt-3 flex flex-wrap justify-between gap-2">
        <Button kind="quiet" className="-ml-3" onClick={other}>
          {t(recovery ? "signIn.useApp" : "signIn.useRecovery")}
        </Button>
        <Button kind="quiet" className="-mr-3" onClick={onStartAgain}>
          {t("signIn.startAgain")}
        </Button>
      </div>
    </form>
  );
}
