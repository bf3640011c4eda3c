import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import type { ApiKey } from "@/api/identity-types";
import { formatDateTime } from "@/lib/format";
import { Button } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { Status, Time } from "@/ui/parts";
import { scopeName } from "./scopes";
import "./texts";

interface ApiKeyTableProps {
  keys: readonly ApiKey[];
  /** The address of the list; a key is revoked below it. */
  path: string;
  queryKey: readonly unknown[];
  mayRevoke: boolean;
}

function stateOf(key: ApiKey): "active" | "revoked" | "expired" {
  if (key.revoked_at !== null) return "revoked";
  return new Date(key.expires_at).getTime() <= Date.now() ? "expired" : "active";
}

export function ApiKeyTable({ keys, path, queryKey, mayRevoke }: ApiKeyTableProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [asked, setAsked] = useState<ApiKey | null>(null);
  const revoke = useMutation({
    mutationFn: (key: ApiKey) => send(`${path}/${key.id}`, { method: "DELETE" }),
    onSuccess: () => {
      setAsked(null);
      void client.invalidateQueries({ queryKey });
    },
  });
  const ask = (key: ApiKey) => {
    revoke.reset();
    setAsked(key);
  };
  return (
    <div className="@container">
      <table className="w-full table-fixed border-separate border-spacing-0">
        <caption className="sr-only">{t("apiKeys.title")}</caption>
        <thead>
          <tr>
            <th scope="col" className="cell-head pl-0">
              {t("apiKeys.name")}
            </th>
            <th scope="col" className="cell-head hidden w-28 @lg:table-cell">
              {t("apiKeys.status")}
            </th>
            <th scope="col" className="cell-head hidden w-28 @xl:table-cell">
              {t("apiKeys.expires")}
            </th>
            <th scope="col" className="cell-head hidden w-28 @lg:table-cell">
              {t("apiKeys.lastUsed")}
            </th>
            <th scope="col" className="cell-head w-28 pr-0 touch:w-32">
              <span className="sr-only">{t("apiKeys.revoke")}</span>
            </th>
          </tr>
        </thead>
        <tbody className="tabular-nums [&>tr:last-child>td]:border-b-0">
          {keys.map((key) => (
            <Row key={key.id} apiKey={key} onRevoke={mayRevoke ? ask : null} />
          ))}
        </tbody>
      </table>
      {asked !== null && (
        <ConfirmDialog
          title={t("apiKeys.revokeTitle")}
          text={t("apiKeys.revokeText", { name: asked.name })}
          action={t("apiKeys.revoke")}
          pending={revoke.isPending}
          error={revoke.error}
          onConfirm={() => revoke.mutate(asked)}
          onClose={() => setAsked(null)}
        />
      )}
    </div>
  );
}

function Row({ apiKey, onRevoke }: { apiKey: ApiKey; onRevoke: ((key: ApiKey) => void) | null }) {
  const { t } = useTranslation();
  const state = stateOf(apiKey);
  const status = <Status tone={state === "active" ? "accent" : "neutral"}>{t(`apiKeys.${state}`)}</Status>;
  const scopes = apiKey.scopes.map((scope) => scopeName(t, scope)).join(", ");
  return (
    <tr data-testid="key-row" data-state={state}>
      <td className="cell py-1.5 pl-0">
        <p className="truncate" title={apiKey.name}>
          {apiKey.name} <code className="font-mono text-xs text-ink-3">{apiKey.prefix}…</code>
        </p>
        <p className="truncate text-xs text-ink-3" title={scopes}>
          {scopes}
        </p>
        <div className="text-xs @lg:hidden">{status}</div>
      </td>
      <td className="cell hidden @lg:table-cell">{status}</td>
      <td className="cell hidden text-ink-2 @xl:table-cell" title={formatDateTime(apiKey.expires_at)}>
        <Time value={apiKey.expires_at} />
      </td>
      <td className="cell hidden text-ink-2 @lg:table-cell">{apiKey.last_used_at === null ? t("apiKeys.never") : <Time value={apiKey.last_used_at} />}</td>
      <td className="cell pr-0 text-right">
        {onRevoke !== null && state === "active" && (
          <Button kind="quiet" className="-mr-3 touch:-mr-2" aria-label={t("apiKeys.revokeNamed", { name: apiKey.name })} onClick={() => onRevoke(apiKey)}>
            {t("apiKeys.revoke")}
          </Button>
        )}
      </td>
    </tr>
  );
}
