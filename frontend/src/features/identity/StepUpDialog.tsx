import { useMutation } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { stepUp } from "@/api/auth";
import type { StepUpPurpose } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";

/** Six digits, or a recovery code: whoever lost the phone must be able to set another one up. */
const CODE = "\\s*(\\d\\s*){6}|\\s*[A-Za-z0-9]{5}-?[A-Za-z0-9]{5}\\s*";

interface StepUpDialogProps {
  purpose: StepUpPurpose;
  title: string;
  text: string;
  action: string;
  danger?: boolean;
  /** Does it, with the headers that carry the proof. */
  onProof: (proof: Record<string, string>) => Promise<void>;
  onClose: () => void;
}

/** Asks for a code of the second factor in place, before something that a found-open screen must not allow. Mount it to show it. */
export function StepUpDialog({ purpose, title, text, action, danger = false, onProof, onClose }: StepUpDialogProps) {
  const { t } = useTranslation();
  const form = useId();
  const [code, setCode] = useState("");
  const [wrong, setWrong] = useState(false);
  const run = useMutation({
    mutationFn: async () => {
      setWrong(false);
      let proof;
      try {
        proof = await stepUp(purpose, code.replace(/\s/g, "").toLowerCase());
      } catch (error) {
        const { status } = asProblem(error);
        if (status !== 401 && status !== 422) throw error;
        setWrong(true);
        return;
      }
      await onProof(proof);
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    run.mutate();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind={danger ? "danger" : "primary"} type="submit" form={form} disabled={run.isPending}>
            {action}
          </Button>
        </>
      }
    >
      <p className="mb-4 text-ink-2">{text}</p>
      {run.error !== null && <ProblemNotice problem={asProblem(run.error)} className="mb-4" />}
      <form id={form} onSubmit={submit}>
        <TextField
          mono
          label={t("secondFactor.stepUpCode")}
          value={code}
          onChange={(event) => setCode(event.target.value)}
          hint={t("secondFactor.stepUpHint")}
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          pattern={CODE}
          maxLength={14}
          required
          autoFocus // eslint-disable-line jsx-a11y/no-autofocus -- the dialog exists for this field
          error={wrong ? t("secondFactor.codeWrong") : undefined}
          className="max-w-56"
        />
      </form>
    </Dialog>
  );
}
