import { WifiOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { connection } from "@/api/connection";
import { useStore } from "@/lib/store";

/** Says that the server does not answer; disappears by itself when it does. */
export function ConnectionBanner() {
  const { t } = useTranslation();
  const state = useStore(connection, (value) => value);
  return (
    <div role="status" className="shrink-0">
      {state === "down" && (
        <p className="flex items-center gap-2 border-b border-line bg-danger-soft px-4 py-2 text-base text-ink">
          <WifiOff size={16} className="shrink-0 text-danger" aria-hidden="true" />
          {t("app.offline")}
        </p>
      )}
    </div>
  );
}
