import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Eye, Pencil, RotateCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { McpServer, McpServerDetail, McpTool, McpToolState } from "@/api/mcp-types";
import { asProblem } from "@/api/problem";
import { Button, IconButton } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { ClassificationLabel, Skeleton, Status, Time, type Tone } from "@/ui/parts";
import { ToolDialog } from "./ToolDialog";
import { SERVERS_PATH, invalidateServers, useServer } from "./queries";

const TONES: Record<McpToolState, Tone> = { enabled: "accent", changed: "caution", gone: "caution", disabled: "neutral" };

interface ServerSectionProps {
  server: McpServer;
  mayManage: boolean;
  onEdit: (server: McpServer) => void;
  onDelete: (server: McpServer) => void;
}

/** A server with its tools. */
export function ServerSection({ server, mayManage, onEdit, onDelete }: ServerSectionProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const refresh = useMutation({
    mutationFn: () => sendJson<McpServerDetail>("POST", `${SERVERS_PATH}/${server.id}/refresh`, {}),
    onSuccess: () => invalidateServers(client),
  });
  return (
    <section aria-labelledby={server.id} data-testid="mcp-server">
      <div className="flex flex-wrap items-start justify-between gap-2">
        <div className="min-w-0">
          <h2 id={server.id} className="font-semibold">
            {server.name}
          </h2>
          <p className="font-mono text-xs [overflow-wrap:anywhere] text-ink-2">{server.url}</p>
          <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-ink-2">
            {!server.enabled && <Status tone="caution">{t("mcp.disabledServer")}</Status>}
            <span className="inline-flex items-center gap-1.5">
              {t("mcp.takesUpTo")} <ClassificationLabel value={server.takes_up_to} />
            </span>
            <span className="inline-flex items-center gap-1.5">
              {t("mcp.result")} <ClassificationLabel value={server.result_classification} />
            </span>
            {server.has_bearer_token && <span>{t("mcp.hasToken")}</span>}
            {server.sends_personal_data && <span>{t("mcp.personalOn")}</span>}
          </p>
        </div>
        {mayManage && (
          <span className="inline-flex items-center">
            <Button onClick={() => refresh.mutate()} disabled={refresh.isPending}>
              <RotateCw size={14} aria-hidden="true" />
              {t(refresh.isPending ? "mcp.refreshing" : "mcp.refresh")}
            </Button>
            <IconButton label={t("mcp.editNamed", { name: server.name })} onClick={() => onEdit(server)}>
              <Pencil size={14} aria-hidden="true" />
            </IconButton>
            <IconButton label={t("mcp.deleteNamed", { name: server.name })} onClick={() => onDelete(server)}>
              <Trash2 size={14} aria-hidden="true" />
            </IconButton>
          </span>
        )}
      </div>
      {refresh.error !== null && (
        <div className="mt-2">
          <ProblemNotice problem={asProblem(refresh.error)} />
        </div>
      )}
      <p className="mt-1 text-sm text-ink-2">
        {server.refreshed_at === null || server.refreshed_at === undefined ? (
          t("mcp.never")
        ) : (
          <>
            {t("mcp.refreshed")} <Time value={server.refreshed_at} /> · {t("mcp.revision", { revision: server.revision ?? "" })}
          </>
        )}
      </p>
      {server.refreshed_at !== null && server.refreshed_at !== undefined && <Tools server={server} mayManage={mayManage} />}
    </section>
  );
}

function Tools({ server, mayManage }: { server: McpServer; mayManage: boolean }) {
  const { t } = useTranslation();
  const query = useServer(server.id);
  const [shown, setShown] = useState<McpTool | null>(null);
  if (query.isPending) return <Skeleton className="mt-2 h-8" />;
  if (query.error !== null) return <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />;
  const { tools } = query.data;
  if (tools.length === 0) return <p className="mt-1 text-ink-2">{t("mcp.noTools")}</p>;
  return (
    <>
      <table className="mt-2 w-full table-fixed border-separate border-spacing-0">
        <caption className="sr-only">{t("mcp.tools", { name: server.name })}</caption>
        <thead>
          <tr>
            <th scope="col" className="cell-head pl-0">
              {t("mcp.tool")}
            </th>
            <th scope="col" className="cell-head w-32 @2xl:w-44">
              {t("mcp.state")}
            </th>
            <th scope="col" className="cell-head w-10 px-0 touch:w-12">
              <span className="sr-only">{t("mcp.actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tools.map((tool) => (
            <tr key={tool.name} className="hover:bg-hover" data-testid="mcp-tool" data-row="" tabIndex={-1}>
              <td className="cell h-auto py-2 pl-0 align-top">
                <p className="font-mono text-xs [overflow-wrap:anywhere]">{tool.full_name}</p>
                <p className="line-clamp-2 text-ink-2">{tool.description}</p>
                {tool.suspicion.is_hit && <Status tone="danger">{t("mcp.suspicious")}</Status>}
              </td>
              <td className="cell h-auto py-2 align-top">
                <Status tone={TONES[tool.state]}>{t(`mcp.states.${tool.state}`)}</Status>
              </td>
              <td className="cell h-auto px-0 py-1 text-right align-top">
                <IconButton label={t("mcp.lookNamed", { name: tool.name })} onClick={() => setShown(tool)}>
                  <Eye size={14} aria-hidden="true" />
                </IconButton>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown !== null && <ToolDialog server={server} tool={shown} mayManage={mayManage} onClose={() => setShown(null)} />}
    </>
  );
}
