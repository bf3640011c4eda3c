import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Cable, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import type { McpServer } from "@/api/mcp-types";
import { session } from "@/api/session";
import { ListState } from "@/features/identity/ListState";
import { useDocumentTitle } from "@/lib/hooks";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { EmptyState } from "@/ui/parts";
import { ServerDialog } from "./ServerDialog";
import { ServerSection } from "./ServerSection";
import { SERVERS_PATH, invalidateServers, useServers } from "./queries";
import "./texts";

/** MCP servers, and which of their tools agents may call. */
export function McpServersPage() {
  const { t } = useTranslation();
  const query = useServers();
  const mayManage = useStore(session, (value) => value?.user.permissions.includes("configuration:manage") === true);
  const [edited, setEdited] = useState<McpServer | "new" | null>(null);
  const [doomed, setDoomed] = useState<McpServer | null>(null);
  useDocumentTitle(t("mcp.title"));
  const off = query.data?.configured === false;
  const items = query.data?.items ?? [];
  return (
    <div className="h-full overflow-y-auto">
      <div className="px-4 pt-3 pb-10">
        <header className="mb-4 flex flex-wrap items-start justify-between gap-2">
          <div>
            <h1 className="text-lg font-semibold tracking-tight">{t("mcp.title")}</h1>
            <p className="max-w-[75ch] text-ink-2">{t("mcp.text")}</p>
          </div>
          {mayManage && query.isSuccess && !off && (
            <Button kind="primary" onClick={() => setEdited("new")}>
              <Plus size={14} aria-hidden="true" />
              {t("mcp.create")}
            </Button>
          )}
        </header>
        {off && items.length > 0 && (
          <p className="mb-3 rounded-md border border-line-strong bg-sunken p-2" role="status">
            {t("mcp.offText")}
          </p>
        )}
        <div className="@container">
          <ListState
            query={{ ...query, items, hasNextPage: false, isFetchingNextPage: false, fetchNextPage: () => undefined }}
            empty={<EmptyState icon={<Cable size={28} />} title={t(off ? "mcp.off" : "mcp.none")} text={t(off ? "mcp.offText" : "mcp.noneText")} />}
          >
            <div className="space-y-8">
              {items.map((server) => (
                <ServerSection key={server.id} server={server} mayManage={mayManage} onEdit={setEdited} onDelete={setDoomed} />
              ))}
            </div>
          </ListState>
        </div>
      </div>
      {edited !== null && <ServerDialog server={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
      {doomed !== null && <DeleteDialog server={doomed} onClose={() => setDoomed(null)} />}
    </div>
  );
}

function DeleteDialog({ server, onClose }: { server: McpServer; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => send(`${SERVERS_PATH}/${server.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await invalidateServers(client);
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("mcp.deleteTitle")}
      text={t("mcp.deleteText", { name: server.name })}
      action={t("mcp.deleteAction")}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}
