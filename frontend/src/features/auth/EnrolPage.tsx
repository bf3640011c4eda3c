import { useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { renewSession, signOut } from "@/api/auth";
import { asProblem } from "@/api/problem";
import { session } from "@/api/session";
import { safeReturn } from "@/app/search";
import { Enrolment } from "@/features/identity/Enrolment";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { AuthFrame } from "./AuthFrame";

const route = getRouteApi("/second-factor");

/** The policy wants a second factor of this person, who has none yet: until then this is all there is. */
export function EnrolPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const leave = useMutation({ mutationFn: signOut });
  const lift = useMutation({
    mutationFn: renewSession,
    onSuccess: () => void navigate({ href: safeReturn(search.return), replace: true }),
  });
  // The page was left before, between the confirmation and the new session.
  const [enrolled] = useState(() => session.get()?.user.second_factor.enrolled === true);
  const { mutate: liftNow } = lift;
  useEffect(() => {
    if (enrolled) liftNow();
  }, [enrolled, liftNow]);
  const error = lift.error ?? leave.error;
  return (
    <AuthFrame
      wide
      title={t("signIn.enrolTitle")}
      aside={
        <Button kind="quiet" className="-ml-3" onClick={() => leave.mutate()}>
          {t("app.signOut")}
        </Button>
      }
    >
      {error !== null && <ProblemNotice problem={asProblem(error)} className="mb-4" />}
      <p className="mb-4 text-ink-2">{t("signIn.enrolText")}</p>
      {!enrolled && <Enrolment proceed={t("secondFactor.proceed")} onDone={() => lift.mutate()} />}
    </AuthFrame>
  );
}
