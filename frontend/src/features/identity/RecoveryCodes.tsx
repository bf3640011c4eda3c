import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/Button";
import { Checkbox } from "@/ui/Field";
import { SecretOnce } from "@/ui/SecretOnce";

/** The codes for the day without a phone. They are shown once, so leaving needs a word that they were kept. */
export function RecoveryCodes({ codes, proceed, onDone }: { codes: readonly string[]; proceed: string; onDone: () => void }) {
  const { t } = useTranslation();
  const [kept, setKept] = useState(false);
  return (
    <section aria-label={t("secondFactor.codesTitle")}>
      <h2 className="mb-1 font-semibold">{t("secondFactor.codesTitle")}</h2>
      <p className="mb-3 text-ink-2">{t("secondFactor.codesText")}</p>
      <SecretOnce label={t("secondFactor.codesTitle")} text={codes.join("\n")} fileName="millwright-recovery-codes.txt" />
      <div className="mt-4 flex flex-wrap items-center justify-between gap-3">
        <Checkbox label={t("secondFactor.codesKept")} checked={kept} onChange={setKept} />
        <Button kind="primary" disabled={!kept} onClick={onDone}>
          {proceed}
        </Button>
      </div>
    </section>
  );
}
