import { useTranslation } from "react-i18next";
import type { PasswordLink } from "@/api/identity-types";
import { formatDateTime } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SecretOnce } from "@/ui/SecretOnce";

/** A link that sets a password, to hand over. */
export function LinkDialog({ name, link, onClose }: { name: string; link: PasswordLink; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t("users.linkTitle", { name })}
      footer={
        <Button kind="primary" onClick={onClose}>
          {t("secondFactor.done")}
        </Button>
      }
    >
      <p className="mb-3 text-ink-2">{t("users.linkText", { name, time: formatDateTime(link.expires_at) })}</p>
      <SecretOnce label={t("users.link")} text={link.url} />
    </Dialog>
  );
}
