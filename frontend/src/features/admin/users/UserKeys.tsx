import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AdminUser, ApiKey } from "@/api/identity-types";
import { ApiKeyDialog } from "@/features/identity/ApiKeyDialog";
import { ApiKeyTable } from "@/features/identity/ApiKeyTable";
import { ListState } from "@/features/identity/ListState";
import { usePages } from "@/features/identity/lists";
import { serviceScopes } from "@/features/identity/scopes";
import { Button } from "@/ui/Button";
import { PanelSection } from "./PanelSection";
import { keysKey, userPath } from "./queries";

/** A person makes their own keys; those of a service account are made here. */
export function UserKeys({ user, mayManage }: { user: AdminUser; mayManage: boolean }) {
  const { t } = useTranslation();
  const [creating, setCreating] = useState(false);
  const path = `${userPath(user.id)}/api-keys`;
  const query = usePages<ApiKey>(path, keysKey(user.id));
  const service = user.kind === "service";
  return (
    <PanelSection
      title={t("apiKeys.title")}
      action={
        mayManage &&
        service &&
        user.status !== "disabled" && (
          <Button onClick={() => setCreating(true)}>
            <Plus size={14} aria-hidden="true" />
            {t("apiKeys.create")}
          </Button>
        )
      }
    >
      <ListState
        query={query}
        empty={
          <p className="text-ink-2">
            {t("apiKeys.none")}. {service && mayManage && t("apiKeys.noneService")}
          </p>
        }
      >
        <ApiKeyTable keys={query.items} path={path} queryKey={["users"]} mayRevoke={mayManage} />
      </ListState>
      {creating && <ApiKeyDialog path={path} queryKey={["users"]} scopes={serviceScopes(user.role)} onClose={() => setCreating(false)} />}
    </PanelSection>
  );
}
