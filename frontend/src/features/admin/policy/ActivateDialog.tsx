import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { PolicyVersion } from "@/api/policy-types";
import { session } from "@/api/session";
import { StepUpDialog } from "@/features/identity/StepUpDialog";
import { useStore } from "@/lib/store";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { POLICY_KEY } from "./queries";

/** A version comes into force with a code of the second factor; without one the server says what is missing. */
export function ActivateDialog({ version, onClose }: { version: PolicyVersion; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const enrolled = useStore(session, (value) => value?.user.second_factor.enrolled === true);
  const activate = useMutation({
    mutationFn: (proof: Record<string, string>) => sendJson<PolicyVersion>("POST", `/policy/versions/${version.number}/activate`, undefined, proof),
    onSuccess: () => {
      onClose();
      void client.invalidateQueries({ queryKey: POLICY_KEY });
    },
  });
  const title = t("policy.activateTitle", { number: version.number });
  if (enrolled) {
    return (
      <StepUpDialog
        purpose="policy.change"
        title={title}
        text={t("policy.activateStepUp")}
        action={t("policy.activate")}
        onProof={async (proof) => {
          await activate.mutateAsync(proof);
        }}
        onClose={onClose}
      />
    );
  }
  return (
    <ConfirmDialog
      title={title}
      text={t("policy.activateText")}
      action={t("policy.activate")}
      pending={activate.isPending}
      error={activate.error}
      onConfirm={() => activate.mutate({})}
      onClose={onClose}
    />
  );
}
