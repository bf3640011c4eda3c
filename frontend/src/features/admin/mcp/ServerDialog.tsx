import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { ChangeMcpServer, CreateMcpServer, McpServer, McpServerDetail } from "@/api/mcp-types";
import { asProblem } from "@/api/problem";
import { CLASSIFICATIONS, type Classification } from "@/api/types";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { SERVERS_PATH, invalidateServers } from "./queries";

/** Registers a server, or changes one. Mount it to show it. */
export function ServerDialog({ server, onClose }: { server: McpServer | null; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const form = useId();
  const [name, setName] = useState(server?.name ?? "");
  const [url, setUrl] = useState(server?.url ?? "");
  const [token, setToken] = useState("");
  const [forget, setForget] = useState(false);
  const [takes, setTakes] = useState<Classification>(server?.takes_up_to ?? "PUBLIC");
  const [result, setResult] = useState<Classification>(server?.result_classification ?? "INTERNAL");
  const [personal, setPersonal] = useState(server?.sends_personal_data ?? false);
  const [seconds, setSeconds] = useState(String(server?.timeout_s ?? 20));
  const [enabled, setEnabled] = useState(server?.enabled ?? true);
  const save = useMutation({
    mutationFn: () => {
      const settings = { url: url.trim(), takes_up_to: takes, result_classification: result, sends_personal_data: personal, timeout_s: Number(seconds) };
      const secret = forget ? { bearer_token: "" } : token.trim() === "" ? {} : { bearer_token: token.trim() };
      const made: CreateMcpServer = { name: name.trim(), ...settings, ...secret };
      const changed: ChangeMcpServer = { ...settings, ...secret, enabled };
      return server === null ? sendJson<McpServerDetail>("POST", SERVERS_PATH, made) : sendJson<McpServerDetail>("PATCH", `${SERVERS_PATH}/${server.id}`, changed);
    },
    onSuccess: async () => {
      await invalidateServers(client);
      onClose();
    },
  });
  const problem = save.error === null ? null : asProblem(save.error);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={t(server === null ? "mcp.create" : "mcp.editTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={save.isPending || !/^\d+$/.test(seconds)}>
            {t(server === null ? "mcp.create" : "common.save")}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className="space-y-4" noValidate>
        {problem !== null && <ProblemNotice problem={problem} />}
        <TextField mono label={t("mcp.name")} hint={t("mcp.nameHint")} value={name} onChange={(event) => setName(event.target.value)} disabled={server !== null} required maxLength={20} autoComplete="off" spellCheck={false} error={problem?.field("name")} />
        <TextField mono label={t("mcp.url")} hint={t("mcp.urlHint")} value={url} onChange={(event) => setUrl(event.target.value)} required maxLength={500} autoComplete="off" spellCheck={false} error={problem?.field("url")} />
        <TextField
          mono
          type="password"
          label={t("mcp.token")}
          hint={t(server?.has_bearer_token === true ? "mcp.tokenHint" : "mcp.tokenNoneHint")}
          value={token}
          disabled={forget}
          onChange={(event) => setToken(event.target.value)}
          autoComplete="new-password"
          error={problem?.field("bearer_token")}
        />
        {server?.has_bearer_token === true && <Check checked={forget} onChange={setForget} label={t("mcp.forgetToken")} />}
        <div className="grid grid-cols-1 gap-3 sm:grid-cols-3">
          <ClassificationField label={t("mcp.takesUpTo")} value={takes} onChange={setTakes} />
          <ClassificationField label={t("mcp.result")} value={result} onChange={setResult} />
          <TextField label={t("mcp.timeout")} inputMode="numeric" value={seconds} onChange={(event) => setSeconds(event.target.value)} error={problem?.field("timeout_s")} />
        </div>
        <p className="text-sm text-ink-2">{t("mcp.takesUpToHint")}</p>
        <Check checked={personal} onChange={setPersonal} label={t("mcp.personal")} />
        {server !== null && <Check checked={enabled} onChange={setEnabled} label={t("mcp.enabled")} />}
      </form>
    </Dialog>
  );
}

interface ClassificationFieldProps {
  label: string;
  value: Classification;
  onChange: (value: Classification) => void;
}

function ClassificationField({ label, value, onChange }: ClassificationFieldProps) {
  const { t } = useTranslation();
  return (
    <Field label={label}>
      {(control) => (
        <select {...control} className="field" value={value} onChange={(event) => onChange(event.target.value as Classification)}>
          {CLASSIFICATIONS.map((choice) => (
            <option key={choice} value={choice}>
              {t(`classification.${choice}`)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Check({ checked, onChange, label }: { checked: boolean; onChange: (checked: boolean) => void; label: string }) {
  return (
    <label className="flex items-start gap-2">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} className="mt-0.5 size-4 accent-(--accent)" />
      <span>{label}</span>
    </label>
  );
}
