import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { ProblemNotice } from "./ProblemNotice";

interface ConfirmDialogProps {
  title: string;
  text: string;
  action: string;
  pending: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is lost. Mount it to show it. */
export function ConfirmDialog({ title, text, action, pending, error, onConfirm, onClose }: ConfirmDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="danger" onClick={onConfirm} disabled={pending}>
            {action}
          </Button>
        </>
      }
    >
      <p className="text-ink-2">{text}</p>
      {error !== null && error !== undefined && (
        <div className="mt-3">
          <ProblemNotice problem={asProblem(error)} />
        </div>
      )}
    </Dialog>
  );
}
