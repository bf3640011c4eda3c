import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { EnableMcpTool, McpServer, McpServerDetail, McpTool } from "@/api/mcp-types";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Copyable } from "@/ui/Copyable";
import { Dialog } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { SERVERS_PATH, invalidateServers } from "./queries";

interface ToolDialogProps {
  server: McpServer;
  tool: McpTool;
  mayManage: boolean;
  onClose: () => void;
}

/** All that a tool says of itself, what is thought of that, and whether agents may call it. Mount it to show it. */
export function ToolDialog({ server, tool, mayManage, onClose }: ToolDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [knows, setKnows] = useState(false);
  const path = `${SERVERS_PATH}/${server.id}/tools/${encodeURIComponent(tool.name)}`;
  const change = useMutation({
    mutationFn: (enable: boolean) => {
      const body: EnableMcpTool = { digest: tool.digest, reads_only: knows };
      return sendJson<McpServerDetail>("POST", `${path}/${enable ? "enable" : "disable"}`, enable ? body : {});
    },
    onSuccess: async () => {
      await invalidateServers(client);
      onClose();
    },
    // It may have been declared anew meanwhile.
    onError: () => invalidateServers(client),
  });
  const mayEnable = mayManage && tool.unusable.length === 0 && tool.state !== "gone" && tool.state !== "enabled";
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={tool.full_name}
      footer={
        <>
          <Button onClick={onClose}>{t("common.close")}</Button>
          {mayManage && tool.enabled_at !== null && (
            <Button kind="danger" onClick={() => change.mutate(false)} disabled={change.isPending}>
              {t("mcp.disable")}
            </Button>
          )}
          {mayEnable && (
            <Button kind="primary" onClick={() => change.mutate(true)} disabled={change.isPending || !knows}>
              {t("mcp.enable")}
            </Button>
          )}
        </>
      }
    >
      <div className="space-y-4">
        {change.error !== null && <ProblemNotice problem={asProblem(change.error)} />}
        {tool.unusable.length > 0 && (
          <div className="rounded-md border border-line-strong bg-sunken p-2">
            <p className="font-medium">{t("mcp.unusable")}</p>
            <ul className="list-disc pl-5 text-ink-2">
              {tool.unusable.map((why) => (
                <li key={why}>{why}</li>
              ))}
            </ul>
          </div>
        )}
        {tool.suspicion.is_hit ? (
          <div className="rounded-md border border-danger p-2">
            <p className="font-medium text-danger">{t("mcp.suspicious")}</p>
            <p className="text-ink-2">{t("mcp.suspiciousText")}</p>
            <ul className="list-disc pl-5">
              {tool.suspicion.sentences.map((sentence) => (
                <li key={sentence} className="[overflow-wrap:anywhere]">
                  {sentence}
                </li>
              ))}
            </ul>
          </div>
        ) : (
          <p className="text-ink-2">{t("mcp.unsuspicious")}</p>
        )}
        <div>
          <h3 className="text-sm font-medium">{t("mcp.says")}</h3>
          <p className="[overflow-wrap:anywhere] whitespace-pre-wrap text-ink-2">{tool.description ?? t("mcp.nothingSaid")}</p>
        </div>
        {tool.annotations != null && <Schema title={t("mcp.hints")} value={tool.annotations} />}
        <Schema title={t("mcp.input")} value={tool.input_schema} />
        {tool.output_schema !== null && <Schema title={t("mcp.output")} value={tool.output_schema} />}
        <p className="flex flex-wrap items-center gap-1 text-sm text-ink-2">
          {t("mcp.digest")} <Copyable text={tool.digest} label={t("mcp.digest")} />
        </p>
        {mayEnable && (
          <label className="flex items-start gap-2">
            <input type="checkbox" checked={knows} onChange={(event) => setKnows(event.target.checked)} className="mt-0.5 size-4 accent-(--accent)" />
            <span>{t("mcp.readsOnly")}</span>
          </label>
        )}
      </div>
    </Dialog>
  );
}

function Schema({ title, value }: { title: string; value: unknown }) {
  return (
    <div>
      <h3 className="text-sm font-medium">{title}</h3>
      <pre className="rounded-md border border-line bg-sunken p-2 font-mono text-xs [overflow-wrap:anywhere] whitespace-pre-wrap">
        {JSON.stringify(value, null, 2)}
      </pre>
    </div>
  );
}
