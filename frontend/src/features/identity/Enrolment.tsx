import { useMutation, useQuery } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendCredential, sendJson } from "@/api/client";
import type { RecoveryCodes as Codes, TotpEnrolment } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Copyable } from "@/ui/Copyable";
import { TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Skeleton } from "@/ui/parts";
import { RecoveryCodes } from "./RecoveryCodes";

/** Sets the second factor up: scan, confirm with a code, keep the recovery codes. */
export function Enrolment({ proceed, onDone }: { proceed: string; onDone: () => void }) {
  const { t } = useTranslation();
  const key = useId();
  const begun = useQuery({
    queryKey: ["totp", "enrolment", key],
    queryFn: () => sendJson<TotpEnrolment>("POST", "/auth/totp", {}),
    // Every call makes another secret, which must not happen while one is being scanned. Nor is it kept afterwards.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const confirm = useMutation({
    mutationFn: async (code: string) => (await (await sendCredential("POST", "/auth/totp/confirm", { code })).json()) as Codes,
    gcTime: 0,
  });
  if (confirm.isSuccess) return <RecoveryCodes codes={confirm.data.recovery_codes} proceed={proceed} onDone={onDone} />;
  if (begun.isPending) return <EnrolmentSkeleton />;
  if (begun.isError) return <ProblemNotice problem={asProblem(begun.error)} onRetry={() => void begun.refetch()} />;
  const { secret, otpauth_uri, qr_svg } = begun.data;
  return (
    <>
      <p className="mb-3 text-ink-2">{t("secondFactor.scan")}</p>
      <div className="mb-4 flex flex-wrap items-center gap-x-5 gap-y-3">
        {/* As a picture the SVG can neither run script nor load anything. White, because many cameras want dark on light. */}
        <img
          src={`data:image/svg+xml,${encodeURIComponent(qr_svg)}`}
          alt={t("secondFactor.qr")}
          className="size-44 shrink-0 rounded-md border border-line bg-white p-2"
        />
        <div className="min-w-48 flex-1 text-sm text-ink-2">
          <p>{t("secondFactor.cannotScan")}</p>
          <Copyable text={secret} shown={secret.replace(/(.{4})(?=.)/g, "$1 ")} label={t("secondFactor.secret")} wrap className="mt-1 text-sm" />
          {otpauth_uri.startsWith("otpauth://") && (
            <p className="mt-3">
              <a href={otpauth_uri} className="font-medium text-accent underline underline-offset-2">
                {t("secondFactor.openApp")}
              </a>
            </p>
          )}
        </div>
      </div>
      <CodeForm pending={confirm.isPending} error={confirm.error} onCode={(code) => confirm.mutate(code)} />
    </>
  );
}

function CodeForm({ pending, error, onCode }: { pending: boolean; error: Error | null; onCode: (code: string) => void }) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const problem = error === null ? null : asProblem(error);
  const wrong = problem !== null && (problem.status === 401 || problem.status === 422);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    onCode(code.replace(/\s/g, ""));
  };
  return (
    <form onSubmit={submit}>
      {problem !== null && !wrong && <ProblemNotice problem={problem} className="mb-3" />}
      <TextField
        mono
        label={t("secondFactor.code")}
        value={code}
        onChange={(event) => setCode(event.target.value)}
        inputMode="numeric"
        autoComplete="one-time-code"
        pattern="[0-9\s]{6,8}"
        maxLength={8}
        required
        error={wrong ? t("secondFactor.codeWrong") : undefined}
        className="mb-4 max-w-56"
      />
      <Button kind="primary" type="submit" disabled={pending}>
        {t("secondFactor.confirm")}
      </Button>
    </form>
  );
}

function EnrolmentSkeleton() {
  return (
    <div className="space-y-3" aria-busy="true">
      <Skeleton className="h-10" />
      <Skeleton className="size-44" />
      <Skeleton className="h-8 w-56" />
    </div>
  );
}
