import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { CreateApiKey, CreatedApiKey, Permission } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Checkbox, SelectField, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { SecretOnce } from "@/ui/SecretOnce";
import { scopeName } from "./scopes";
import "./texts";

const DAYS = ["30", "90", "180", "365"] as const;

interface ApiKeyDialogProps {
  path: string;
  queryKey: readonly unknown[];
  /** What the key may be given. */
  scopes: readonly Permission[];
  onClose: () => void;
}

/** Creates a key and shows it, once. */
export function ApiKeyDialog({ path, queryKey, scopes, onClose }: ApiKeyDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const form = useId();
  const create = useMutation({
    mutationFn: (body: CreateApiKey) => sendJson<CreatedApiKey>("POST", path, body),
    onSuccess: () => client.invalidateQueries({ queryKey }),
    gcTime: 0,
  });
  const created = create.data;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t(created === undefined ? "apiKeys.createTitle" : "apiKeys.createdTitle")}
      footer={
        created === undefined ? (
          <>
            <Button onClick={onClose}>{t("common.cancel")}</Button>
            <Button kind="primary" type="submit" form={form} disabled={create.isPending}>
              {t("apiKeys.create")}
            </Button>
          </>
        ) : (
          <Button kind="primary" onClick={onClose}>
            {t("secondFactor.done")}
          </Button>
        )
      }
    >
      {created === undefined ? (
        <KeyForm id={form} scopes={scopes} error={create.error} onCreate={(body) => create.mutate(body)} />
      ) : (
        <>
          <p className="mb-3 text-ink-2">{t("apiKeys.createdText")}</p>
          <SecretOnce label={t("apiKeys.key")} text={created.key} />
        </>
      )}
    </Dialog>
  );
}

function KeyForm({ id, scopes, error, onCreate }: { id: string; scopes: readonly Permission[]; error: Error | null; onCreate: (body: CreateApiKey) => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<readonly Permission[]>([]);
  const [days, setDays] = useState<(typeof DAYS)[number]>("90");
  const [missing, setMissing] = useState(false);
  const problem = error === null ? null : asProblem(error);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setMissing(chosen.length === 0);
    if (chosen.length > 0) onCreate({ name: name.trim(), scopes: scopes.filter((scope) => chosen.includes(scope)), expires_in_days: Number(days) });
  };
  const set = (scope: Permission, on: boolean) => {
    setMissing(false);
    setChosen(on ? [...chosen, scope] : chosen.filter((other) => other !== scope));
  };
  return (
    <form id={id} onSubmit={submit}>
      {problem !== null && problem.field("name") === undefined && <ProblemNotice problem={problem} className="mb-4" />}
      <TextField
        label={t("apiKeys.name")}
        hint={t("apiKeys.nameHint")}
        value={name}
        onChange={(event) => setName(event.target.value)}
        required
        maxLength={120}
        autoComplete="off"
        error={problem?.field("name")}
        className="mb-4"
      />
      <fieldset className="mb-4" aria-describedby={missing ? `${id}missing` : undefined}>
        <legend className="text-sm font-medium">{t("apiKeys.scopes")}</legend>
        <div className="grid grid-cols-1 gap-x-4 sm:grid-cols-2">
          {scopes.map((scope) => (
            <Checkbox key={scope} label={scopeName(t, scope)} checked={chosen.includes(scope)} onChange={(on) => set(scope, on)} />
          ))}
        </div>
        {missing && (
          <p id={`${id}missing`} role="alert" className="mt-1 text-sm text-danger">
            {t("apiKeys.needsScope")}
          </p>
        )}
      </fieldset>
      <SelectField
        label={t("apiKeys.validFor")}
        value={days}
        options={DAYS.map((value) => ({ value, label: t("apiKeys.days", { count: Number(value) }) }))}
        onChange={setDays}
        className="max-w-48"
      />
    </form>
  );
}
