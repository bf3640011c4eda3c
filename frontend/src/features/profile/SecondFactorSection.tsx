import { useState } from "react";
import { useTranslation } from "react-i18next";
import { rereadUser } from "@/api/auth";
import { send, sendJson } from "@/api/client";
import type { RecoveryCodes as Codes, User } from "@/api/identity-types";
import { Enrolment } from "@/features/identity/Enrolment";
import { RecoveryCodes } from "@/features/identity/RecoveryCodes";
import { StepUpDialog } from "@/features/identity/StepUpDialog";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Status } from "@/ui/parts";
import { Section } from "./Section";

type Open = "enrol" | "codes" | "remove" | null;

export function SecondFactorSection({ user }: { user: User }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState<Open>(null);
  const { enrolled, required, recovery_codes_left } = user.second_factor;
  const close = () => setOpen(null);
  return (
    <Section title={t("secondFactor.title")} text={t(enrolled ? "secondFactor.onText" : "secondFactor.offText")}>
      <Status tone={enrolled ? "accent" : "neutral"}>{t(enrolled ? "secondFactor.on" : "secondFactor.off")}</Status>
      {enrolled && (
        <p className={recovery_codes_left === 0 ? "mt-1 text-danger" : "mt-1 text-ink-2"}>
          {t("secondFactor.left", { count: recovery_codes_left })} {required && t("secondFactor.required")}
        </p>
      )}
      <div className="mt-3 flex flex-wrap gap-2">
        {enrolled ? (
          <>
            <Button onClick={() => setOpen("codes")}>{t("secondFactor.newCodes")}</Button>
            {!required && (
              <Button kind="caution" onClick={() => setOpen("remove")}>
                {t("secondFactor.remove")}
              </Button>
            )}
          </>
        ) : (
          <Button kind="primary" onClick={() => setOpen("enrol")}>
            {t("secondFactor.enrol")}
          </Button>
        )}
      </div>
      {open === "enrol" && <EnrolDialog onClose={close} />}
      {open === "codes" && <NewCodesDialog onClose={close} />}
      {open === "remove" && (
        <StepUpDialog
          purpose="totp.disable"
          title={t("secondFactor.removeTitle")}
          text={t("secondFactor.removeText")}
          action={t("secondFactor.remove")}
          danger
          onProof={async (headers) => {
            await send("/auth/totp", { method: "DELETE", headers });
            await rereadUser();
            close();
          }}
          onClose={close}
        />
      )}
    </Section>
  );
}

/** Whatever way it is closed, the page then shows what the server knows. */
function EnrolDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const end = () => {
    void rereadUser().catch(() => undefined);
    onClose();
  };
  return (
    <Dialog wide open onOpenChange={(open) => !open && end()} title={t("signIn.enrolTitle")}>
      <Enrolment proceed={t("secondFactor.done")} onDone={end} />
    </Dialog>
  );
}

function NewCodesDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [codes, setCodes] = useState<string[] | null>(null);
  const end = () => {
    void rereadUser().catch(() => undefined);
    onClose();
  };
  if (codes !== null) {
    return (
      <Dialog open onOpenChange={(open) => !open && end()} title={t("secondFactor.newCodes")}>
        <RecoveryCodes codes={codes} proceed={t("secondFactor.done")} onDone={end} />
      </Dialog>
    );
  }
  return (
    <StepUpDialog
      purpose="totp.recovery_codes"
      title={t("secondFactor.newCodes")}
      text={t("secondFactor.newCodesText")}
      action={t("secondFactor.newCodesAction")}
      onProof={async (headers) => setCodes((await sendJson<Codes>("POST", "/auth/totp/recovery-codes", {}, headers)).recovery_codes)}
      onClose={onClose}
    />
  );
}
